"""Addresses, hospitals and departments: found from their last word, and followed to the left by hand.

A pattern that walks over running Chinese text from the left would be slow and would eat the sentence.
"""

import re
from collections.abc import Iterator

from doctorsun.privacy.text.board import MASK, Hit
from doctorsun.privacy.text.folding import HANZI
from doctorsun.privacy.text.lexicon import labels, words

_LONGEST = 30
_DOOR = re.compile(
    r"(?:路|街|大街|大道|巷|弄|胡同|道|里|村|新村|小区|花园|苑|家园|公寓|广场|庄|镇|乡|组|屯|社区)[ \t]{0,2}"
    r"[第]?[\d一二三四五六七八九十百]{1,6}[甲乙丙A-Za-z]?[ \t]{0,2}(?:号楼|号院|号|弄|幢|栋|组|队|室|单元|座)"
    r"(?:[ \t]{0,2}\d{1,5}[A-Za-z]?[ \t]{0,2}(?:号楼|号院|号|弄|幢|栋|座|单元|层|楼|室|户))*(?:[ "
    r"\t]{0,2}-?\d{2,5}(?:-\d{1,5}){0,2}(?:室|户)?(?![\d.]))?"
)
_PROVINCE = (
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|"
    "广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
_TOWN = re.compile(
    f"(?:{_PROVINCE})(?:省|市|自治区|壮族自治区|回族自治区|维吾尔自治区|"
    f"特别行政区)?(?:[{HANZI}]{{2,6}}?(?:市|州|盟|地区))?[{HANZI}]{{1,6}}?(?:区|县|旗)(?![域间段])"
    f"(?:[{HANZI}]{{2,6}}?(?:镇|乡|街道))?(?:[{HANZI}]{{2,6}}?村)?"
)
_STOPS_ADDRESS = "住在于自到去往来址地家系居址是为"
_LABELLED_ZH = re.compile(
    f"(?:{labels('address_zh')})[ \\t]{{0,4}}(?P<sep>[:]|[ \\t])\\s{{0,4}}(?P<v>[{HANZI}][{HANZI}A-Za-z0-9"
    f"\\-()# ·]{{1,60}})"
)
_END_OF_FIELD = re.compile(
    r" {2}|(?: ?(?:电话|联系|手机|邮编|邮政|性别|年龄|姓名|科室|床号|住院|门诊|日期|检查|临床|关系))"
)

_SUFFIX = (
    r"(?:Streets?|St|Avenue|Ave|Roads?|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Way|"
    r"Terrace|Highway|Hwy|Parkway|Pkwy|Square|Sq|Circle|Cir|Close|Crescent|STREET|ST|AVENUE|AVE|"
    r"ROAD|RD|DRIVE|LANE|BLVD)"
)
_STREET = re.compile(
    r"(?<![\w.])\d{1,5}[A-Za-z]?,? (?:[NSEW]{1,2}\.? )?(?:(?:\d{1,3}(?:st|nd|rd|th)|"
    r"[A-Z][A-Za-z'\-]{1,20}\.?) ){1,4}" + _SUFFIX + r"\b\.?"
    r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.? ?[A-Za-z0-9\-]{1,6})?"
    r"(?:,\s{0,2}[A-Z][A-Za-z'\-]{1,20}(?: [A-Z][a-z'\-]{1,20}){0,2})?"
    r"(?:,? {0,2}(?:[A-Z]{2} \d{5}(?:-\d{4})?|[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}|[A-Z]\d[A-Z] "
    r"?\d[A-Z]\d)(?![A-Za-z0-9]))?"
)
_BOX = re.compile(
    r"(?<![A-Za-z])P\.? ?O\.? Box \d{1,8}(?:,\s{0,2}[A-Z][A-Za-z ]{1,30})?(?:,? [A-Z]{2} \d{5}(?:-\d{4})?)?"
)
_STATE_ZIP = re.compile(
    r"(?<![A-Za-z])(?:[A-Z][a-z]{2,20} ){0,2}[A-Z][a-z]{2,20}, [A-Z]{2} \d{5}(?:-\d{4})?(?!\d)"
)
_LABELLED_EN = re.compile(
    rf"(?<![A-Za-z])(?i:{labels('address_en')})[ \t]{{0,3}}[:#][ \t]{{0,4}}(?P<v>[A-Za-z0-9][^\n\t;:|"
    rf"]{{3,80}}?)(?= {{2}}|\t|\r?\n|[;|.] |$| (?:[Pp]hone|[Tt]el|PHONE|TEL)\b)"
)

_HOSPITAL = re.compile(
    "(?:医院|卫生院|卫生服务中心|卫生所|卫生室|诊所|门诊部|医学中心|医疗中心|保健院|疗养院|体检中心|"
    "影像中心|医学院|急救中心)(?:(?:东|西|南|北|新|老|本部|总)?院区|(?:[\u4e00-\u9fa5]{1,4})分院)?(?:第[一"
    "二三四五六七八九十]{1,2}(?:医学中心|附属医院|临床医学院))?"
)
_HOSPITAL_CUTS = "在于到至往从由赴去经来转入及和与的我外本该某贵各曾因被者属住院"
_NO_CUTS = words("hospital_no_cuts")
_AFTER_NUMBER = re.compile("[个多余天日月年周时岁前后上下午晨晚点分]+(?=.{2})")
_GENERIC = re.compile(
    "(?:当地|外地|上级|上一级|下级|社区|综合|专科|三甲|三级|二级|县级|市级|省级|乡镇|私人|正规|其他|其它|"
    "附近|多家|两家|一家|几家|某家|各级|基层|专业|公立|私立|地方|口腔|儿童|妇产|肿瘤|精神|传染病|中医|"
    "西医|人民|"
    "男科|整形|美容|应|建议|立即|马上|尽快|及时|最好|正规大|有条件|条件|家属|大型|不少|许多|很多|有名|"
    "知名|权威|哪家|哪个|哪里|什么|治疗|专治|复诊|就诊|就医|看病|检查|住院|手术|选择|推荐|求问|请问|"
    "想知道|谁知道|留意|还要|"
    "今天|昨天|上午|下午|如果|症状|严重|需要|可以|必要|癫痫|肝病|糖尿病|[\u4e00-\u9fa5]{1,3}科|"
    "[外我本该某贵上下大小县市省区乡镇村他她你您各家中当个出可需先再看治诊送去上有好是时过了病做着就又不想"
    "起名位时的一])*+"
)
_H = r"[A-Z][A-Za-z'\-]{1,24}\.?"
_HOSPITAL_EN = re.compile(
    rf"(?<![A-Za-z])(?P<v>(?:(?:{_H}|&|of|the|for|and) ){{1,6}}(?:Hospitals?|Clinics?|Medical (?:Center|"
    rf"Centre|Group)|Health (?:System|Center|Centre)|Infirmary|Imaging (?:Center|Centre)|Cancer (?:Center|"
    rf"Centre)|Healthcare|Sanatorium|HOSPITAL|CLINIC|MEDICAL CENTER))(?![A-Za-z])(?P<of> (?:of|at) (?:the "
    rf")?{_H}(?: {_H}){{0,2}})?"
)
_LEADS = frozenset({"The", "This", "Our", "An", "A", "At", "From", "Patient", "In", "To"})
_FIELD = {
    ("hospital", "hospital_zh"): rf"[ \t]{{0,4}}:\s{{0,4}}(?P<v>[{HANZI}]{{3,25}})",
    ("department",
        "department_zh"): rf"(?:[ \t]{{0,4}}:\s{{0,4}}|[ \t]{{1,4}})(?P<v>[{HANZI}A-Za-z0-9()]{{2,16}})",
    ("hospital",
        "hospital_en"): r"[ \t]{0,3}:[ \t]{0,6}\n?(?P<v>[A-Z][A-Za-z'&.\- ]{2,60}?)(?= {2}|\t|\r?\n|[,;|"
                        r".] |\.?$)",
    ("department",
        "department_en"): r"[ \t]{0,3}:[ \t]{0,6}\n?(?P<v>[A-Z0-9][A-Za-z0-9'&\- ]{1,40}?)(?= {2}|\t|"
                          r"\r?\n|[,;|.] |\.?$)",
}  # fmt: skip
_FIELDS = [
    (kind, re.compile(rf"(?<![A-Za-z])(?i:{labels(name)}){pattern}"))
    for (kind, name), pattern in _FIELD.items()
]
_WARD = re.compile(f"[{HANZI}]{{0,4}}(?:科|外|内)?(?:\\d{{1,2}}|[一二三四五六七八九十]{{1,2}})(?:病区|病房)")


def addresses(text: str) -> Iterator[list[Hit]]:
    """Addresses in a folded text."""
    yield [
        Hit(_left(text, found.start(), _STOPS_ADDRESS), found.end(), "address")
        for found in _DOOR.finditer(text)
    ]
    yield [Hit(found.start("v"), _field_end(found), "address") for found in _LABELLED_ZH.finditer(text)]
    yield [Hit(*found.span(), "address") for found in _TOWN.finditer(text)]
    for pattern in (_STREET, _BOX, _STATE_ZIP):
        yield [Hit(*found.span(), "address") for found in pattern.finditer(text)]
    yield [
        Hit(*found.span("v"), "address") for found in _LABELLED_EN.finditer(text) if MASK not in found["v"]
    ]


def hospitals(text: str) -> Iterator[list[Hit]]:
    """Hospitals and departments in a folded text; 外院, 当地医院, "outside hospital" name none and stay."""
    yield [hit for found in _HOSPITAL.finditer(text) if (hit := _hospital(text, found))]
    yield [hit for found in _HOSPITAL_EN.finditer(text) if (hit := _hospital_en(found))]
    for kind, pattern in _FIELDS:
        yield [Hit(found.start("v"), _field_end(found), kind) for found in pattern.finditer(text)]
    yield [Hit(*found.span(), "department") for found in _WARD.finditer(text)]


def _left(text: str, end: int, stops: str) -> int:
    """The start of the run of Chinese before a place, cut behind words that lead to a place."""
    start = end
    while start > max(0, end - _LONGEST) and "\u3400" <= text[start - 1] <= "\u9fff":
        if text[start - 1] in stops and not {text[start - 2 : start], text[start - 1 : start + 1]} & _NO_CUTS:
            break
        start -= 1
    if start and text[start - 1].isdigit() and (time := _AFTER_NUMBER.match(text, start, end)):
        start = time.end()
    return start


def _field_end(found: re.Match[str]) -> int:
    cut = _END_OF_FIELD.search(found["v"])
    return found.start("v") + (cut.start() if cut else len(found["v"].rstrip()))


def _hospital(text: str, found: re.Match[str]) -> Hit | None:
    start = _left(text, found.start(), _HOSPITAL_CUTS)
    name = text[start : found.start()]
    if len(name) < 2 or _GENERIC.fullmatch(name):
        return None
    return Hit(start, found.end(), "hospital")


def _hospital_en(found: re.Match[str]) -> Hit | None:
    """A hospital with a word of its own in its name, from the first word that can begin one."""
    last = re.search(r"(?:Medical|Health|Imaging|Cancer)? ?[A-Za-z]+$", found["v"])
    before = list(re.finditer("[^ ]+", found["v"][: last.start() if last else 0]))
    if all(word[0].lower() in words("generic_hospital_en") | {"of", "for", "and", "&"} for word in before):
        return None
    first = next(word for word in before if word[0][0].isupper() and word[0] not in _LEADS)
    return Hit(found.start("v") + first.start(), found.end(), "hospital")
