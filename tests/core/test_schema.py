"""What a Sample may be, and that a row and a Sample are the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Fact, Message, Part, Picture, Sample, sample_from_row, sample_to_row


def made(**changes: object) -> Sample:
    values: dict[str, object] = {
        "id": "phantom/0",
        "images": (Picture(b"png", "0.png"),),
        "messages": (
            Message("user", (Part("image"), Part("text", "What is shown?"))),
            Message("assistant", (Part("text", "A chest film."),)),
        ),
        "lang": "en",
        "task": "vqa",
        "source": "phantom",
        "licence": "CC0-1.0",
        "origin": "synthetic",
    }
    return Sample(**(values | changes))


def test_a_sample_goes_to_a_row_and_comes_back_equal():
    sample = made(
        kind="closed",
        facts=(Fact("nodule", status="present", laterality="left", box_xyxy=(0.1, 0.2, 0.3, 0.4)),),
        choices=("a", "b"),
    )
    assert sample_from_row(sample_to_row(sample)) == sample


@given(st.text(), st.text(min_size=1).filter(str.strip))
def test_any_words_survive_the_way_to_a_row_and_back(question: str, answer: str):
    messages = (Message("user", (Part("text", question),)), Message("assistant", (Part("text", answer),)))
    sample = made(images=(), messages=messages)
    assert sample_from_row(sample_to_row(sample)) == sample


def test_an_image_in_words_is_words():
    messages = (
        Message("user", (Part("text", "<image> is a word here"),)),
        Message("assistant", (Part("text", "<image>"),)),
    )
    assert made(images=(), messages=messages).messages[1].text == "<image>"


def test_image_places_and_images_must_be_equal_in_number():
    with pytest.raises(RecordError) as caught:
        made(images=())
    assert str(caught.value) == "phantom/0: the messages have 1 image places, but the sample has 0 images"


@pytest.mark.parametrize("words", ["", "  "])
def test_the_last_turn_must_be_an_answer_with_words(words: str):
    messages = (
        Message("user", (Part("image"),)),
        Message("assistant", (Part("text", words),)),
    )
    with pytest.raises(RecordError, match="last message must be an answer"):
        made(messages=messages)


def test_a_sample_that_ends_with_a_question_is_refused():
    with pytest.raises(RecordError, match="last message must be an answer"):
        made(messages=(Message("user", (Part("image"), Part("text", "?"))),))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lang": "fr"}, "lang"),
        ({"split": "dev"}, "split"),
        ({"facts": [{"name": "nodule", "status": "maybe"}]}, "facts.0.status"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_row_with_a_wrong_field_names_it(change: dict[str, object], field: str):
    with pytest.raises(RecordError) as caught:
        sample_from_row(sample_to_row(made()) | change)
    assert f"phantom/0: field '{field}'" in str(caught.value)
