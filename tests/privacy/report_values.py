"""What the values of made reports are drawn from: names, places, numbers, dates in many forms."""

import random
from datetime import date


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


FAMILY = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶"
    "阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "单仇区查解盖翟覃褚卫牛温安左水和时"
)
GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂梅建国华文玉志海燕鹏辉晨浩宇轩子涵雨欣怡佳琪思远丰若曦"
)
# What is repeated a million times to find a pattern that is slow.
HOSTILE = (
    *(
        "1",
        "a",
        "A",
        "张",
        "市",
        "路",
        "医院",
        "1-",
        "a.",
        "Aa ",
        "A.A",
        "姓名",
        "@",
        "江苏",
        "2024",
        "0 ",
        "(1",
    ),
    *(" ", "\n", "的医生", "Dr. ", "中山路1号", "Patient: A "),
)
PLATES = "京沪粤苏浙川鄂鲁渝陕"
COMPOUND = _listed("欧阳|司马|上官|诸葛|慕容|皇甫|尉迟|夏侯")
ROADS = _listed("漕溪北路|建国门外大街|珠江新城花城大道|中山路|人民南路|学府大街|文一西路|珞喻路|香港中路")
DEPARTMENTS = _listed("呼吸内科|骨科二病区|消化内科|神经外科三病区|ICU|乳腺外科|急诊科|妇产科")
FIRST = _listed(
    "John|Mary|Robert|Linda|Ahmed|Wei|Priya|Carlos|Anne-Marie|José|Svetlana|Kevin|Grace|Ottilie|"
    "Thandiwe|Zbigniew|Xochitl|Kwame|Aoife|Ngozi|Tomasz|Yevgenia|Anselm|Hiroshi|Fatima|Oliver|"
    "Noah|Emma|Tyrone|Siobhan|Björn|Karen|Luis|Mei"
)
CITIES = _listed(
    "上海市徐汇区|北京市朝阳区|广东省广州市天河区|江苏省南京市鼓楼区|四川省成都市武侯区|"
    "重庆市渝北区|浙江省杭州市西湖区|湖北省武汉市洪山区|山东省青岛市市南区|陕西省西安市雁塔区"
)
HOSPITALS_ZH = _listed(
    "上海市第六人民医院|北京协和医院|南京鼓楼医院|中山大学附属第三医院|四川大学华西医院|"
    "宁波市妇女儿童医院|郑州市金水区丰产路社区卫生服务中心|佛山市中医院|解放军总医院第五医学中心|"
    "渝北爱尔眼科医院"
)
LAST = _listed(
    "Smith|Johnson|O'Neil|Garcia|van der Berg|Nguyen|Patel|Müller|Kowalski|Brown|White|Young|"
    "Hernandez|Tanaka|Al-Farsi|McDonald|Okafor|Long|Graves|Bell|Fitzgerald|Kim|Lindqvist"
)
TOWNS = _listed(
    "Springfield, IL 62704|Ann Arbor, MI 48109|Portland, OR 97205|Leeds LS2 9JT|Austin, TX 78701-1234"
)
STREETS = _listed("Main Street|Oak Ave|Maple Drive|W. 5th St.|Elm Road|Sunset Blvd|Kings Lane|Park Avenue")
HOSPITALS_EN = _listed(
    "Springfield General Hospital|St. Mary's Medical Center|Lakeside Clinic|"
    "University of Ostrava Hospital|Northwood Imaging Center|Mercy Health System|"
    "Cedar Valley Children's Hospital|Beth Abraham Infirmary"
)
MONTHS = _listed("January|February|March|April|May|June|July|August|September|October|November|December")


def zh_name(draw: random.Random) -> str:
    """A Chinese name of two to four characters."""
    family = draw.choice(COMPOUND) if draw.random() < 0.06 else draw.choice(FAMILY)
    return family + "".join(draw.choice(GIVEN) for _ in range(draw.choice((1, 2, 2, 2))))


def en_name(draw: random.Random) -> str:
    """An English name: first, at times a middle letter, last."""
    middle = f"{draw.choice('ABCDEFGHJKLMNPRSTW')}. " if draw.random() < 0.35 else ""
    return f"{draw.choice(FIRST)} {middle}{draw.choice(LAST)}"


def id18(draw: random.Random, birth: date) -> str:
    """A resident's number with its right check character (GB 11643)."""
    body = f"{draw.choice(('310104', '110105', '440106', '510107'))}{birth:%Y%m%d}{draw.randint(1, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(w * int(c) for w, c in zip(weights, body, strict=True)) % 11]


def write_date(day: date, draw: random.Random, lang: str) -> str:
    """A date in one of the forms that reports use."""
    y, m, d, month = day.year, day.month, day.day, MONTHS[day.month - 1]
    zh = (f"{y}-{m:02d}-{d:02d}", f"{y}年{m}月{d}日", f"{y}.{m}.{d}", f"{y}/{m:02d}/{d:02d}",
        f"{y}{m:02d}{d:02d}",
          f"{y}年{m:02d}月{d:02d}日", f"{y} - {m:02d} - {d:02d}", f"{y}年 {m} 月 {d} 日")  # fmt: skip
    en = (f"{m:02d}/{d:02d}/{y}", f"{month} {d}, {y}", f"{d} {month[:3]} {y}", f"{y}-{m:02d}-{d:02d}",
        f"{m}/{d}/{y}",
          f"{d:02d}-{month[:3].upper()}-{y}", f"{month[:3]}. {d}, {y}", f"{y}{m:02d}{d:02d}",
          f"{month} {d}th, {y}")  # fmt: skip
    return draw.choice(zh if lang == "zh" else en)


def pinyin_of(name: str, draw: random.Random) -> str:
    """The Latin spelling of a Chinese name, in one of the usual forms."""
    from pypinyin import Style, pinyin

    size = 2 if name[:2] in COMPOUND else 1
    special = {
        "单": "shan",
        "仇": "qiu",
        "曾": "zeng",
        "区": "ou",
        "查": "zha",
        "解": "xie",
        "盖": "gai",
        "翟": "zhai",
        "覃": "qin",
    }
    given = [row[0] for row in pinyin(name[size:], style=Style.NORMAL)]
    family = special.get(name[:size]) or "".join(row[0] for row in pinyin(name[:size], style=Style.NORMAL))
    joined, spaced, hyphened = "".join(given), " ".join(one.title() for one in given), "-".join(given)
    return draw.choice((
        f"{family.title()} {joined.title()}", f"{family.title()} {spaced}", f"{family}{joined}",
        f"{family.upper()} {hyphened.upper()}",
        f"{joined.title()} {family.title()}", f"{family.upper()}^{joined.upper()}",
        f"{family.title()}, {joined.title()}",
    ))  # fmt: skip
