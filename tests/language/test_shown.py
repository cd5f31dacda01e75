"""How pictures of several are named, in both languages."""

import pytest

from doctorsun.core.schema import Card, Fact, Picture, Record, Shown
from doctorsun.language.questions import samples_of
from doctorsun.language.shown import picture_parts, told_as


def said(*parts):
    """The parts as they stand in a turn, a picture as *."""
    return "".join("*" if part.type == "image" else part.text for part in parts)


def test_pictures_without_names_stand_alone():
    assert said(*picture_parts(2, (), "en")) == "**"
    assert said(*picture_parts(0, (), "zh")) == ""


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "Prior study:\n*Current study:\nSlice 2 of 9: *Slice 8 of 9: *"),
        ("zh", "既往检查：\n*本次检查：\n第2层（共9层）：*第8层（共9层）：*"),
    ],
)
def test_a_study_is_named_once_and_every_slice(lang, expected):
    now = told_as("current", (Shown(slice=2, count=9), Shown(slice=8, count=9)), pictures=2)
    before = told_as("prior", (), pictures=1)
    assert said(*picture_parts(3, (*before, *now), lang)) == expected


@pytest.mark.parametrize(
    ("lang", "expected"), [("en", "Series 2, slice 1 of 4: *"), ("zh", "序列2，第1层（共4层）：*")]
)
def test_a_series_is_numbered_where_there_are_several(lang, expected):
    assert said(*picture_parts(1, (Shown(series=2, slice=1, count=4),), lang)) == expected


def test_more_or_fewer_names_than_pictures_are_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        picture_parts(2, (Shown(slice=1, count=4),), "en")


def test_questions_about_facts_name_the_slices_in_their_own_language():
    card = Card("made", "Made", "MIT", "https://example.org", ("zh", "en"), "Nobody.", "Nowhere.")
    record = Record(
        "one",
        images=(Picture(b"1", "1.png"), Picture(b"2", "2.png")),
        facts=(Fact("modality", value='"ct"'),),
        shown=(Shown(slice=1, count=5), Shown(slice=4, count=5)),
    )
    samples = samples_of(record, card, split="train")
    assert {sample.lang for sample in samples} == {"zh", "en"}
    for sample in samples:
        head = {"en": "Slice 1 of 5: *Slice 4 of 5: *", "zh": "第1层（共5层）：*第4层（共5层）："}[
            sample.lang
        ]
        assert said(*sample.messages[0].content).startswith(head)
