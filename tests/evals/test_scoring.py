"""The strict protocol gives marks for what a reply says, and for nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctorsun.evals.predictions import Prediction
from doctorsun.evals.scoring import overlap, score, words
from doctorsun.language.tokens import tokens


def row(reply: str, reference: str = "No", lang: str = "en", **fields: object) -> Prediction:
    known: dict[str, object] = {
        "kind": "closed",
        "form": "yesno",
        "genre": "vqa",
        "topic": "finding",
        "origin": "human",
        "modality": "xray",
        "question_key": "s/f/yesno",
        "label": None,
        "allowed": (),
        "choices": (),
    }
    return Prediction(
        id="1",
        task="t",
        split="test",
        condition="image",
        lang=lang,
        source="s",
        group="g",
        phrasing=None,
        phrasing_held_out=None,
        prompt="?",
        question="?",
        reference=reference,
        images=(),
        shown=(),
        reply=reply,
        stopped=True,
        tokens=1,
        **{**known, **fields},
    )


def yes_no(reply: str, label: str, lang: str = "en") -> float | None:
    return score(row(reply, lang=lang, label=label, allowed=("yes", "no"))).mark


@pytest.mark.parametrize(
    ("reply", "label", "lang", "mark"),
    [
        ("No.", "no", "en", 1.0),
        ("no", "yes", "en", 0.0),
        ("normal chest", "no", "en", None),
        ("yes, there is a nodule", "no", "en", 0.0),
        ("yes and no", "yes", "en", None),
        ("I cannot tell from this image", "no", "en", None),
        ("abnormal opacity is present", "no", "en", None),
        ("Yes, an abnormal opacity", "yes", "en", 1.0),
        ("", "no", "en", None),
        ("是。", "yes", "zh", 1.0),
        ("正常", "yes", "zh", None),
        ("异常", "no", "zh", None),
        ("没有", "no", "zh", 1.0),
        ("否", "yes", "zh", 0.0),
        ("无法判断", "no", "zh", None),
    ],
)
def test_a_yes_or_no_is_read_from_words_that_say_it(reply: str, label: str, lang: str, mark: float | None):
    assert yes_no(reply, label, lang) == mark


@pytest.mark.parametrize(
    ("reply", "reference", "lang", "mark"),
    [
        ("CT", "CT", "en", 1.0),
        ("left", "left", "en", 1.0),
        ("Left.", "left", "en", 1.0),
        ("right", "left", "en", 0.0),
        ("A", "A", "en", 1.0),
        ("", "left", "en", None),
        ("左侧。", "左侧", "zh", 1.0),
    ],
)
def test_a_closed_answer_that_is_no_yes_or_no_can_score(
    reply: str, reference: str, lang: str, mark: float | None
):
    assert score(row(reply, reference, lang, form=None, question_key=None)).mark == mark


OPTIONS = ("pneumonia", "heart failure", "fracture", "normal")


@pytest.mark.parametrize(
    ("reply", "reference", "read", "mark"),
    [
        ("A", "A", "A", 1.0),
        ("A.", "A", "A", 1.0),
        ("a)", "A", "A", 1.0),
        ("The answer is A", "A", "A", 1.0),
        ("The correct option is D", "D", "D", 1.0),
        ("heart failure", "B", "B", 1.0),
        ("C. fracture", "B", "C", 0.0),
        ("", "A", None, None),
        ("I cannot determine this.", "A", None, None),
        ("答案：D", "D", "D", 1.0),
    ],
)
def test_a_choice_is_read_by_letter_or_words_and_never_falls_back_to_an_option(
    reply: str, reference: str, read: str | None, mark: float | None
):
    scored = score(row(reply, reference, kind="choice", form="choice", choices=OPTIONS))
    assert (scored.extracted, scored.mark) == (read, mark)


def test_a_choice_whose_reference_names_no_option_has_no_marks():
    assert score(row("A", "sepsis", kind="choice", form="choice", choices=OPTIONS)).marks is None


def test_a_value_is_compared_as_a_label_in_both_languages():
    skin = ("melanoma", "melanocytic_nevus", "benign_keratosis")
    for reply, lang, mark in [
        ("This is a melanoma.", "en", 1.0),
        ("黑色素瘤", "zh", 1.0),
        ("melanoma or nevus", "en", None),
    ]:
        scored = score(row(reply, "Melanoma", lang, form="what", label="melanoma", allowed=skin))
        assert scored.mark == mark, reply


def test_repetition_buys_nothing():
    scored = score(row("lung lung lung lung", "left lung", kind="open", form=None))
    assert scored.f1 == pytest.approx(2 * 0.25 * 0.5 / 0.75)
    assert scored.mark == 0.0
    assert overlap(["lung"] * 4, ["left", "lung"]).recall == 0.5


def test_precision_recall_and_f1_are_not_mixed_up():
    found = overlap(["the", "left", "lung"], ["left", "lung"])
    assert (round(found.precision, 2), found.recall, round(found.f1, 2)) == (0.67, 1.0, 0.8)


def test_exact_match_is_not_a_precision():
    assert score(row("the left lung is clear", "left lung", kind="open", form=None)).mark == 0.0
    assert score(row("The left lung.", "left lung", kind="open", form=None)).mark == 1.0


def test_chinese_is_compared_by_character_and_by_word_of_the_glossary():
    scored = score(row("右肺结节", "左肺结节", "zh", kind="open", form=None))
    assert scored.f1 == 0.75 and scored.mark == 0.0
    assert words("图中为黑色素瘤", "zh") == ["图", "中", "为", "黑色素瘤"]
    assert scored.f1_word is not None and scored.f1_word < scored.f1


def test_an_empty_reply_scores_nothing_and_stops_nothing():
    scored = score(row("", "left lung", kind="open", form=None))
    assert (scored.f1, scored.f1_word, scored.mark, scored.extracted) == (0.0, 0.0, 0.0, None)


def test_an_open_answer_that_is_all_article_can_still_be_right():
    assert score(row("A", "A", kind="open", form=None)).f1 == 1.0
    assert score(row("B", "A", kind="open", form=None)).f1 == 0.0


def test_scoring_again_forgets_the_marks_before():
    first = score(row("yes", label="yes", allowed=("yes", "no")))
    assert score(first) == first


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("左右肺结节影 left lung a the"), max_size=8), st.integers(1, 4))
def test_saying_all_of_it_again_never_helps(pieces: list[str], times: int):
    text, reference = "".join(pieces), "左肺 lung"
    once = overlap(tokens(text, "zh"), tokens(reference, "zh"))
    more = overlap(tokens(" ".join([text] * times), "zh"), tokens(reference, "zh"))
    assert more.f1 <= once.f1 + 1e-9 or more.recall > once.recall
    assert max(once.precision, once.recall, once.f1) <= 1.0
