"""Numbers, places, addresses of the net and ages; the same value the same pseudonym; and no slow pattern."""

import pytest

from doctorsun.core.errors import RecordError
from doctorsun.privacy.key import Key
from doctorsun.privacy.text import Known, TextCleaner
from doctorsun.privacy.text.patterned import is_resident_number
from tests.privacy.leftovers import KEY
from tests.privacy.report_templates import BODIES
from tests.privacy.report_values import HOSTILE


def clean(text, **options):
    return TextCleaner(KEY, **options).clean(text).text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("310104198001011234", "ID"),
        ("身份证：310104800101123", "ID"),
        ("住院号：ZY001234", "ID"),
        ("门诊/住院号 12345678", "ID"),
        ("病案号００１２３４", "ID"),
        ("医保号：XEA123456789", "ID"),
        ("MRN: 00-12-34-56", "ID"),
        ("Accession #: A12345", "ID"),
        ("SSN 123-45-6789", "ID"),
        ("护照号：E12345678", "ID"),
        ("床号：12", "床号"),
        ("移至3床观察", "床号"),
        ("Room: 312B", "BED"),
        ("电话13812345678", "电话"),
        ("021-12345678转801", "电话"),
        ("+86 138 1234 5678", "PHONE"),
        ("call (415) 555-0123 x12", "PHONE"),
        ("+44 20 7946 0958", "PHONE"),
        ("a.b-c@mail.example.com", "EMAIL"),
        ("https://pacs.example.cn/a?b=1", "URL"),
        ("host 192.168.10.24", "IP"),
        ("微信号：abc_12345", "账号"),
        ("QQ 123456789", "ACCOUNT"),
        ("车牌沪A·B1234", "车牌"),
        ("上海市徐汇区漕溪北路100弄3号502室", "地址"),
        ("家庭住址：江苏省南京市鼓楼区中山路1号", "地址"),
        ("Lives at 123 Main Street, Apt 4B, Springfield, IL 62704", "ADDRESS"),
        ("邮编：200030", "邮编"),
        ("转入北京协和医院治疗", "医院"),
        ("seen at St. Mary's Medical Center", "HOSPITAL"),
        ("科室：呼吸内科", "科室"),
    ],
)
def test_a_value_with_a_form_or_a_label_goes(text, kind):
    spans = TextCleaner(KEY).clean(text).spans
    cleaned = clean(text)
    assert len(spans) == 1, cleaned
    assert f"[{kind}" in cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("95岁", "90岁以上"),
        ("102周岁", "90岁以上"),
        ("九十五岁", "90岁以上"),
        ("a 95-year-old man", "a 90+-year-old man"),
        ("Age: 91", "Age: 90+"),
        ("095Y", "90+"),
        ("89岁", "89岁"),
        ("age 12", "age 12"),
        ("95%", "95%"),
        ("92 HU", "92 HU"),
    ],
)
def test_ages_above_89_become_90_and_more(text, expected):
    assert clean(text) == expected


def test_the_check_character_of_a_residents_number_is_right():
    assert is_resident_number("11010519491231002X")
    assert not is_resident_number("110105194912310021")
    assert not is_resident_number("1101051949123100")


def test_a_number_becomes_the_same_pseudonym_however_it_is_written_and_another_under_another_key():
    first, second = clean("住院号：00123456"), clean("住院号：００１２３４５６")
    assert first == second
    other = TextCleaner(Key(b"x" * 32)).clean("住院号：00123456").text
    assert other != first


@pytest.mark.parametrize(
    "written", ["12345678", "1234 5678", "1234-5678", "１２３４５６７８", "1234\u200b5678", "A:12345678"]
)
def test_a_known_number_goes_however_it_is_written(written):
    cleaned = clean(f"看 {written} 号", known=Known(ids=("12345678",)))
    assert "[ID-" in cleaned
    assert "5678" not in cleaned


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (Known(phones=("(021)6438-9090",)), "回电 021 64389090 即可"),
        (Known(ids=("CT-2024/0012",)), "见 CT2024-0012 片"),
        (Known(ids=("CT-2024/0012",)), "见 ct 2024/0012 片"),
        (Known(addresses=("上海市徐汇区漕溪北路9号",)), "住 漕溪北路9号 附近"),
        (Known(hospitals=("上海市第六人民医院",)), "来自第六人民医院"),
        (Known(other=("wx_zhang99",)), "联系 WX_Zhang99 处"),
    ],
)
def test_other_known_values_go_with_and_without_their_marks(known, text):
    (span,) = TextCleaner(KEY, known=known).clean(text).spans
    assert not set("0126789") & set(clean(text, known=known)) or span.kind == "id"


def test_kinds_to_keep_stay():
    assert clean("于北京协和医院，电话13812345678", keep=("hospital",)) == "于北京协和医院，电话[电话]"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_clinical_sentences_stay_as_they_are(lang):
    for sentence in BODIES[lang]:
        assert clean(sentence) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "外院CT示结节",
        "当地医院就诊",
        "seen at an outside hospital",
        "床旁胸片",
        "主治医师查房",
        "请上级医师会诊",
    ],
)
def test_words_that_name_nobody_stay(text):
    assert clean(text) == text


def test_spans_say_where_and_what():
    cleaned = TextCleaner(KEY).clean("电\u200b话：138\u200b12345678。")
    (span,) = cleaned.spans
    assert (span.kind, span.replacement) == ("phone", "[电话]")
    assert "电\u200b话：138\u200b12345678。"[span.start : span.end] == "138\u200b12345678"
    assert cleaned.text == "电\u200b话：[电话]。"


def test_line_ends_and_wide_text_are_left_alone():
    text = "右肺\r\n上叶　８ｍｍ结节。\r\n"
    assert clean(text) == text


def test_a_text_without_end_is_refused():
    with pytest.raises(RecordError) as caught:
        TextCleaner(KEY).clean("a" * 2_000_001, where="row 7")
    assert str(caught.value).startswith("row 7")


@pytest.mark.parametrize("part", HOSTILE)
def test_endless_repeats_are_cleaned_and_the_rest_stays(part):
    text = part * (30_000 // len(part))
    known = Known(names=("张三丰", "John A. Smith"), ids=("11111111",), addresses=("中山路11号11室",))
    cleaned = TextCleaner(KEY, known=known).clean(text)
    kept, at = [], 0
    for span in cleaned.spans:
        kept += [text[at : span.start], span.replacement]
        at = span.end
    assert "".join([*kept, text[at:]]) == cleaned.text
