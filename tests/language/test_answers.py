"""Replies are read strictly: what is not clearly one answer is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctorsun.core.schema import Fact, Message, Part, Sample
from doctorsun.language.answers import form, label, question_key, read_answer, read_letter

YES_NO = ("yes", "no")
SKIN = ("melanoma", "melanocytic_nevus", "benign_keratosis", "actinic_keratosis")
COUNT = tuple(str(number) for number in range(6))


def sample(answer: str, *, kind: str | None = "closed", facts: tuple[Fact, ...] = ()) -> Sample:
    messages = (Message("user", (Part("text", "?"),)), Message("assistant", (Part("text", answer),)))
    return Sample(
        id="1",
        images=(),
        messages=messages,
        lang="en",
        task="vqa",
        source="s",
        licence="MIT",
        origin="human",
        kind=kind,
        facts=facts,
    )


@pytest.mark.parametrize(
    ("reply", "lang", "expected"),
    [
        ("Yes", "en", "yes"),
        ("yes.", "en", "yes"),
        ("Yes, there is a nodule in the left lung.", "en", "yes"),
        ("No", "en", "no"),
        ("No nodule is seen.", "en", "no"),
        ("The nodule is not visible.", "en", "no"),
        ("normal chest", "en", None),
        ("nodule", "en", None),
        ("Know", "en", None),
        ("yes and no", "en", None),
        ("Yes. No.", "en", None),
        ("No doubt", "en", None),
        ("I cannot tell from this image.", "en", None),
        ("Maybe yes", "en", None),
        ("abnormal opacity is present", "en", None),
        ("是", "en", None),
        ("", "en", None),
        ("是", "zh", "yes"),
        ("是。", "zh", "yes"),
        ("是的，可见结节。", "zh", "yes"),
        ("有", "zh", "yes"),
        ("可见结节", "zh", "yes"),
        ("否", "zh", "no"),
        ("不是。", "zh", "no"),
        ("没有", "zh", "no"),
        ("未见结节", "zh", "no"),
        ("不存在", "zh", "no"),
        ("正常", "zh", None),
        ("异常", "zh", None),
        ("是正常的", "zh", None),
        ("是否有结节", "zh", None),
        ("是，没有", "zh", None),
        ("是。否。", "zh", None),
        ("无法判断", "zh", None),
        ("不确定", "zh", None),
        ("可能是", "zh", None),
        ("Yes", "zh", None),
    ],
)
def test_yes_and_no_are_read_strictly(reply: str, lang: str, expected: str | None):
    assert read_answer(reply, YES_NO, lang) == expected


@pytest.mark.parametrize(
    ("reply", "lang", "expected"),
    [
        ("Melanoma", "en", "melanoma"),
        ("This is a malignant melanoma.", "en", "melanoma"),
        ("Not melanoma but a nevus", "en", "melanocytic_nevus"),
        ("It is not a melanoma.", "en", None),
        ("melanoma or nevus", "en", None),
        ("Basal cell carcinoma", "en", None),
        ("melanomas", "en", None),
        ("cannot say whether this is melanoma", "en", None),
        ("黑色素瘤", "en", None),
        ("恶性黑色素瘤", "zh", "melanoma"),
        ("诊断为黑色素细胞痣。", "zh", "melanocytic_nevus"),
        ("不是黑色素瘤，而是痣", "zh", "melanocytic_nevus"),
        ("排除黑色素瘤", "zh", None),
        ("黑色素瘤或痣", "zh", None),
        ("基底细胞癌", "zh", None),
    ],
)
def test_a_diagnosis_is_read_by_its_longest_term_and_never_against_a_negation(reply, lang, expected):
    assert read_answer(reply, SKIN, lang) == expected


@pytest.mark.parametrize(
    ("reply", "allowed", "lang", "expected"),
    [
        ("AP supine", ("ap", "ap_supine"), "en", "ap_supine"),
        ("AP supine", ("ap", "pa"), "en", None),
        ("仰卧前后位", ("ap", "ap_supine"), "zh", "ap_supine"),
        ("后前位", ("ap", "pa"), "zh", "pa"),
        ("let us see", ("ultrasound", "ct"), "en", None),
        ("US", ("ultrasound", "ct"), "en", "ultrasound"),
        ("CT图像", ("ct", "mri"), "zh", "ct"),
        ("x-ray", ("xray", "ct"), "en", "xray"),
        ("Benign keratosis", ("benign", "malignant"), "en", None),
        ("无肿瘤", ("no_tumor", "glioma"), "zh", "no_tumor"),
        ("There is no tumor.", ("no_tumor", "glioma"), "en", "no_tumor"),
        ("no glioma", ("no_tumor", "glioma"), "en", None),
        ("左", ("left", "right"), "zh", "left"),
        ("左右两侧", ("left", "right"), "zh", None),
        ("On the left side", ("left", "right"), "en", "left"),
        ("left or right", ("left", "right"), "en", None),
        ("Left eye", ("left_eye", "right_eye"), "en", "left_eye"),
        ("较大", ("small", "large"), "zh", "large"),
        ("不大", ("small", "large"), "zh", None),
        ("大小正常", ("small", "large"), "zh", None),
        ("轻度", ("retinopathy_0", "retinopathy_1"), "zh", "retinopathy_1"),
        ("moderate NPDR", ("retinopathy_1", "retinopathy_2"), "en", "retinopathy_2"),
    ],
)
def test_a_term_inside_a_longer_term_does_not_count(reply, allowed, lang, expected):
    assert read_answer(reply, allowed, lang) == expected


@pytest.mark.parametrize(
    ("reply", "lang", "expected"),
    [
        ("3", "en", "3"),
        ("There are 3.", "en", "3"),
        ("three", "en", "3"),
        ("None", "en", "0"),
        ("2-3", "en", None),
        ("3.5", "en", None),
        ("30", "en", None),
        ("many", "en", None),
        ("3个", "zh", "3"),
        ("三个", "zh", "3"),
        ("共两个白细胞", "zh", "2"),
        ("没有", "zh", "0"),
        ("一个也没有", "zh", None),
        ("一些", "zh", None),
        ("十二个", "zh", None),
    ],
)
def test_a_count_is_one_whole_number(reply: str, lang: str, expected: str | None):
    assert read_answer(reply, COUNT, lang) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A", "A"),
        ("a)", "A"),
        ("(C)", "C"),
        ("B. Nevus", "B"),
        ("The answer is D", "D"),
        ("答案：B", "B"),
        ("选C", "C"),
        ("Melanoma", "A"),
        ("A melanoma", None),
        ("A nodule", None),
        ("A or B", None),
        ("E", None),
        ("", None),
    ],
)
def test_a_letter_is_not_an_article(reply: str, expected: str | None):
    assert read_letter(reply, ("Melanoma", "Nevus", "Keratosis", "Wart"), "en") == expected


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.sampled_from([YES_NO, SKIN, COUNT, ("left", "right")]))
def test_any_reply_gives_an_allowed_label_or_none(reply: str, allowed: tuple[str, ...]):
    for lang in ("zh", "en"):
        assert read_answer(reply, allowed, lang) in {*allowed, None}


def test_a_what_question_has_the_label_of_its_value():
    asked = sample("Melanoma", facts=(Fact("skin_diagnosis", '"melanoma"'),))
    assert (form(asked), label(asked), question_key(asked)) == (
        "what",
        "melanoma",
        "s/skin_diagnosis/what",
    )


def test_a_number_is_its_own_label():
    asked = sample("3", facts=(Fact("wbc_count", "3"),))
    assert (label(asked), question_key(asked)) == ("3", "s/wbc_count/what")


def test_a_yes_no_question_about_a_value_is_balanced_by_that_value():
    asked = sample("No", facts=(Fact("skin_diagnosis", '"melanoma"', status="absent"),))
    assert (form(asked), label(asked)) == ("yesno", "no")
    assert question_key(asked) == "s/skin_diagnosis=melanoma/yesno"


def test_a_finding_is_asked_with_yes_or_no():
    asked = sample("Yes", facts=(Fact("nodule", status="present"),))
    assert (form(asked), label(asked), question_key(asked)) == ("yesno", "yes", "s/nodule/yesno")


def test_a_choice_has_the_label_of_the_right_option():
    asked = sample("B", kind="choice", facts=(Fact("modality", '"ct"'),))
    assert (form(asked), label(asked), question_key(asked)) == ("choice", "ct", "s/modality/choice")


def test_a_human_question_has_a_label_when_its_answer_is_yes_or_no():
    assert (form(sample("yes")), label(sample("No"))) == ("yesno", "no")
    place = sample("Left lung")
    assert (form(place), label(place), question_key(place)) == (None, None, None)


@pytest.mark.parametrize("kind", ["open", "report", None])
def test_free_text_has_no_label(kind: str | None):
    told = sample("Yes", kind=kind, facts=(Fact("nodule", status="present"),))
    assert (form(told), label(told), question_key(told)) == (None, None, None)
