"""The quality filters: what each takes away, and what it leaves alone."""

import numpy as np
import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Picture, Text
from doctorsun.core.strings import say
from doctorsun.data import filters
from doctorsun.data.build import reason_text
from doctorsun.data.checks import Fault, check_picture
from doctorsun.data.config import PictureConfig, TextConfig
from doctorsun.data.filtering import filtered
from doctorsun.imaging.pictures import encode

LIMITS = TextConfig(max_chars=500)


def words(answer, question="What is shown here?", lang="en", **rest):
    return Text(answer, **{"lang": lang, "task": "vqa", "question": question, "kind": "open", **rest})


def caption(answer, lang="en"):
    return words(answer, question=None, lang=lang, task="caption", kind="report")


def talk(answer, lang="en"):
    return words(answer, question="My knee hurts.", lang=lang, task="qa")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (words("A nodule."), None),
        (words(" "), "data.empty_answer"),
        (words("..."), "data.empty_answer"),
        (words("x", question=" "), "data.empty_question"),
        (words("a \ufffd b"), "data.broken_text"),
        (words("a \x00 b"), "data.broken_text"),
        (words("it\u2019s clear \u20ac5".encode().decode("cp1252")), "data.broken_text"),
        (words("Pâle, 5 €, it\u2019s clear"), None),
        (words("N/A"), "data.empty_answer"),
        (words("nan"), "data.empty_answer"),
        (words("None"), None),
        (words("报告锟斤拷锟斤拷", lang="zh"), "data.broken_text"),
        (words(" ".join(f"word{at}" for at in range(120))), "data.too_long"),
        (words("oui", lang="fr"), "data.unknown_language"),
        (words("右肺下叶可见结节影，边界清楚。"), "data.wrong_language"),
        (words("nodule", lang="zh"), "data.wrong_language"),
        (words("CT示左肺结节, no pleural effusion", lang="zh"), None),
        (words("MRI T2WI高信号, DWI受限, ADC low, consider infarction of the left MCA", lang="zh"), None),
        (words("На снимке виден узел в правом легком"), "data.wrong_language"),
        (
            words("La radiografía del tórax muestra una opacidad en el lóbulo con derrame para el paciente"),
            "data.wrong_language",
        ),
        (words("IL-1, IL-6, IL-8, IL-10, IL-12, IL-17, LES, DAS, UNE, CON, PAR, DER and TNF"), None),
        (words("The TNF-α and β-hCG levels were raised"), None),
        (words("CT", question="Is this a CT or an MRI?"), None),
        (
            words("left pleural effusion", question="Is there a left pleural effusion?"),
            "data.answer_in_question",
        ),
        (words("What is shown here"), "data.answer_in_question"),
        (words("A", question="Which?\nA. left\nB. right", kind="choice", choices=("left", "right")), None),
        (words("120/80 mmHg"), None),
        (words("+"), None),
        (words("aaaaaaaaaaaaaaaaaaaaaaaaaa"), "data.repetition"),
        (talk("The knee is fine, rest it well. " * 12), "data.repetition"),
        (caption("The XXXX examination shows no nodule."), "data.masked"),
        (caption("Seen by [**Name 12**] last week, no change."), "data.masked"),
        (caption("Klinefelter syndrome, karyotype 47,XXY, and the rare XXXY."), None),
        (caption("Figure 3."), "data.too_short"),
        (caption("图2：", lang="zh"), "data.too_short"),
        (caption("胸部CT平扫", lang="zh"), None),
        (caption("Chest film. (a) before and (b) after treatment."), "data.panels"),
        (caption("The upper panel shows the liver, see text."), "data.panels"),
        (caption("左图为术前，右图为术后。", lang="zh"), "data.panels"),
        (caption("Chest film with an opacity (arrow) in the left lower lobe."), None),
        (caption("Vitamin (a) deficiency with dry eyes."), None),
    ],
)
def test_words_are_checked_for_what_would_harm(text, reason):
    assert filtered(text, LIMITS, pictures=1).fault == reason


def test_a_caption_of_several_pictures_may_speak_of_panels():
    assert filtered(caption("(a) before and (b) after"), LIMITS, pictures=2).fault is None


@pytest.mark.parametrize(
    ("answer", "left", "lang"),
    [
        (
            "As an AI language model, I cannot examine you. Rest the knee and cool it.",
            "Rest the knee and cool it.",
            "en",
        ),
        ("作为一个人工智能，我无法做出诊断。建议到骨科就诊。", "建议到骨科就诊。", "zh"),
        ("The value was 3.5 mm. It is fine.", "The value was 3.5 mm. It is fine.", "en"),
    ],
)
def test_what_a_chat_model_says_of_itself_is_taken_out(answer, left, lang):
    found = filtered(talk(answer, lang), LIMITS)
    assert found.text.answer == left
    assert found.notes == (("data.machine_talk",) if answer != left else ())
    assert found.fault is None


def test_an_answer_of_nothing_but_self_talk_falls():
    found = filtered(talk("I am only an AI and cannot help with that."), LIMITS)
    assert found.fault == "data.empty_answer"


@pytest.mark.parametrize(
    ("answer", "left", "lang"),
    [
        (
            "Hello, thank you for your question. The meniscus is torn; an MRI will show how far. "
            "Hope this helps. Regards, Dr. Invented",
            "The meniscus is torn; an MRI will show how far.",
            "en",
        ),
        (
            "您好！感谢您的咨询。半月板损伤多由扭转外力引起，建议尽早行膝关节磁共振检查，明确损伤程度后再决定治疗方式。"
            "希望我的回答对您有帮助。祝您早日康复！",
            "半月板损伤多由扭转外力引起，建议尽早行膝关节磁共振检查，明确损伤程度后再决定治疗方式。",
            "zh",
        ),
    ],
)
def test_greetings_and_farewells_are_taken_off(answer, left, lang):
    found = filtered(talk(answer, lang), LIMITS)
    assert found.text.answer == left
    assert found.notes == ("data.boilerplate",)


def test_a_filter_can_be_skipped_by_name_and_an_unknown_one_is_named():
    text = caption("(a) before and (b) after treatment")
    assert filtered(text, TextConfig(skip=("panels",)), pictures=1).fault is None
    with pytest.raises(ConfigError, match="panels"):
        filtered(text, TextConfig(skip=("pannels",)), pictures=1)


@pytest.mark.parametrize("name", plugins.names(filters))
def test_every_filter_has_one_function_and_a_sentence(name):
    module = plugins.find(filters, name)
    assert hasattr(module, "mend") != hasattr(module, "fault")
    assert module.__doc__
    assert say(module.REASON) if hasattr(module, "mend") else reason_text(module.REASON)


def picture(pixels):
    return Picture(encode(np.repeat(pixels[..., None], 3, axis=2), jpeg=False), "invented.png")


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((64, 64), 7, np.uint8), "data.blank_picture"),
        (np.random.default_rng(0).integers(120, 122, (64, 64)).astype(np.uint8), "data.blank_picture"),
        (np.tile(np.arange(12, dtype=np.uint8) * 20, (12, 1)), "data.picture_too_small"),
    ],
    ids=["flat", "noise", "small"],
)
def test_a_picture_that_shows_nothing_is_refused(pixels, reason):
    assert check_picture(picture(pixels), PictureConfig()) == Fault(reason)


def test_a_dark_picture_with_a_small_bright_spot_is_kept():
    pixels = np.zeros((256, 256), np.uint8)
    pixels[100:110, 100:110] = 255
    assert not isinstance(check_picture(picture(pixels), PictureConfig()), Fault)
