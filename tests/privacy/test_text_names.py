"""Names: what the record knows goes in every spelling; labels, titles and kin give the rest away."""

import pytest

from doctorsun.privacy.text import Known, TextCleaner
from tests.privacy.leftovers import KEY

ZHANG = [
    "张三丰", "张 三 丰", "張三豐", "张\u200b三丰", "张·三·丰", "张\n三丰", "zhangsanfeng",
    "Zhang San Feng", "Zhang Sanfeng",
    "ZHANG SAN-FENG", "Sanfeng Zhang", "Zhang, San Feng", "ZHANG^SANFENG", "ＺＨＡＮＧ　ＳＡＮＦＥＮＧ",
    "ZSF", "Z.S.F.", "Zhang SF",
    "张先生", "张女士", "张某某", "张某", "张*丰", "张**", "Mr. Zhang",
]  # fmt: skip
SMITH = [
    "John A. Smith", "John Smith", "Smith, John", "Smith, John A.", "Mr. Smith", "J. Smith", "J.A. Smith",
    "SMITH^JOHN^A",
    "john smith", "Smith J", "JohnSmith", "Smith", "JAS",
]  # fmt: skip


def clean(text, **known):
    return TextCleaner(KEY, known=Known(**known)).clean(text).text


@pytest.mark.parametrize("spelling", ZHANG)
def test_a_known_chinese_name_goes_in_every_spelling(spelling):
    cleaned = clean(f"影像：{spelling}，右肺结节8mm。", names=("张三丰",))
    assert cleaned in ("影像：[姓名]，右肺结节8mm。", "影像：[姓名].，右肺结节8mm。")


@pytest.mark.parametrize("spelling", SMITH)
def test_a_known_english_name_goes_in_every_spelling(spelling):
    cleaned = clean(f"Films of {spelling} were compared.", names=("John A. Smith",))
    assert cleaned in ("Films of [NAME] were compared.", "Films of [NAME]. were compared.")


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("单田芳", ["Shan Tianfang", "Dan Tianfang", "shantianfang"]),
        ("曾国藩", ["Zeng Guofan", "Guofan Zeng"]),
        ("仇英", ["Qiu Ying", "QIU^YING"]),
        ("欧阳修远", ["Ouyang Xiuyuan", "Ou Yang Xiu Yuan", "欧阳先生", "Xiuyuan Ouyang"]),
        ("吕布韦", ["Lv Buwei", "Lu Buwei", "LYU BUWEI"]),
    ],
)
def test_surnames_of_several_readings_and_of_two_characters_go(name, spellings):
    for spelling in spellings:
        assert clean(f"Seen: {spelling}.", names=(name,)).startswith("Seen: ["), spelling


def test_every_group_of_a_dicom_name_is_known():
    cleaned = clean("Yamada Tarou / 山田太郎", names=("Yamada^Tarou=山田^太郎=",))
    assert cleaned == "[姓名] / [姓名]"


def test_an_eponym_stays_where_the_patient_has_the_same_surname():
    assert "Smith fracture" in clean("Mr. Smith has a Smith fracture.", names=("John Smith",))


def test_two_initials_go_only_before_a_typists_mark():
    assert clean("JS/mk; S1 and JS waves", names=("John Smith",)) == "[NAME]/mk; S1 and JS waves"


def test_words_of_the_record_that_tell_nothing_are_not_removed():
    assert clean("Unknown lesion in the patient", names=("Unknown", "patient", "X"), ids=("1",)) == (
        "Unknown lesion in the patient"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("姓名：李四性别：男", "姓名：[姓名]性别：男"),
        ("姓  名：王 小 明   性 别：女", "姓  名：[姓名]   性 别：女"),
        ("姓名:阿依古丽 年龄:30岁", "姓名:[姓名] 年龄:30岁"),
        ("姓名：阿不都·热合曼", "姓名：[姓名]"),
        ("患者王芳，女，30岁", "患者[姓名]，女，30岁"),
        ("报告医师：李雷审核医师：韩梅梅", "报告医师：[医生]审核医师：[医生]"),
        ("审核：张三/李四、王五", "审核：[医生]/[医生]、[医生]"),
        ("请王主任会诊，李雷医生参加。", "请[医生]主任会诊，[医生]医生参加。"),
        ("家属赵敏陪同", "家属[姓名]陪同"),
        ("Patient Name: DOE, JANE   Age: 30", "Patient Name: [NAME]   Age: 30"),
        ("patient name: jane doe\nage 30", "patient name: [NAME]\nage 30"),
        ("Dictated by: Jane Q. Doe, MD", "Dictated by: [DOCTOR], MD"),
        ("Referred by Dr. van der Berg today", "Referred by [DOCTOR] today"),
        ("Discussed with Dr. O'Neil. Blood pressure", "Discussed with Dr. [DOCTOR]. Blood pressure"),
        ("Mrs. Lindqvist reports pain", "Mrs. [NAME] reports pain"),
        ("Electronically signed by Mary Poppins, MD", "Electronically signed by [DOCTOR], MD"),
    ],
)
def test_names_go_by_label_title_and_kin(text, expected):
    assert clean(text) == expected


def test_the_token_is_in_the_language_around():
    assert clean("姓名：李四\nName: Jane Doe") == "姓名：[姓名]\nName: [NAME]"


def test_no_value_of_the_record_is_shown_when_it_is_printed():
    known = Known(names=("张三丰",), ids=("12345678",), patient="12345678")
    assert "张三丰" not in repr(known)
    assert "1234" not in repr(known)


@pytest.mark.parametrize("text", ["手术由王小明主刀，过程顺利。", "送检者：王小明", "麻醉者:王小明"])
def test_who_did_it_is_a_name_too(text):
    assert "王小明" not in TextCleaner(KEY, known=Known(patient="p")).clean(text).text


@pytest.mark.parametrize("text", ["由超声引导完成穿刺", "由上级医院审核", "由右侧入路完成操作"])
def test_what_it_was_done_by_is_none(text):
    assert TextCleaner(KEY, known=Known(patient="p")).clean(text).text == text
