"""Boxes and masks become places, questions about places, and boxes as a model writes them."""

import json

import numpy as np
import pytest

from doctorsun.core.schema import Card, Fact, Picture, Record
from doctorsun.language.answers import label, question_key, read_answer
from doctorsun.language.glossary import glossary
from doctorsun.language.questions import QuestionConfig, samples_of
from doctorsun.language.regions import (
    box_of_mask,
    box_of_pixels,
    box_text,
    part_of,
    position_facts,
    single_boxes,
)

CARD = Card("invented", "Invented", "MIT", "https://example.org", ("en",), "-", "-")
NODULE = Fact("nodule", status="present", box_xyxy=(0.1, 0.1, 0.2, 0.3))


def test_a_mask_has_a_box():
    mask = np.zeros((40, 80), bool)
    mask[10:20, 60:70] = True
    assert box_of_mask(mask) == (0.75, 0.25, 0.875, 0.5)
    assert box_of_mask(np.zeros((4, 4), bool)) is None


def test_a_box_in_pixels_is_clipped_to_the_picture():
    assert box_of_pixels((-10, 5, 50, 20), width=100, height=40) == (0.0, 0.125, 0.5, 0.5)
    assert box_of_pixels((120, 5, 150, 20), width=100, height=40) is None


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ((0.1, 0.1, 0.2, 0.2), "upper_left_part"),
        ((0.7, 0.1, 0.9, 0.2), "upper_right_part"),
        ((0.1, 0.8, 0.2, 0.9), "lower_left_part"),
        ((0.7, 0.7, 0.9, 0.9), "lower_right_part"),
        ((0.4, 0.4, 0.6, 0.6), "middle_part"),
        ((0.1, 0.45, 0.2, 0.56), None),
        ((0.6, 0.6, 0.7, 0.7), None),
    ],
)
def test_the_part_of_a_picture_is_told_where_it_is_clear(box, part):
    assert part_of(box) == part


def test_two_of_a_kind_have_no_one_place():
    assert single_boxes([NODULE, NODULE]) == ()
    assert position_facts([NODULE, Fact("effusion", status="absent", box_xyxy=(0, 0, 0.1, 0.1))]) == (
        Fact("position", value='"upper_left_part"', site="nodule", box_xyxy=NODULE.box_xyxy),
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_place_is_asked_by_the_name_of_its_finding_and_the_answer_is_read_back(lang):
    config = QuestionConfig(forms={"position": ("what", "yesno", "choice")}, boxes=True, open=0, captions=0)
    config = config.model_copy(update={"findings": 0, "reports": 0})
    record = Record("r", images=(Picture(b"x", "x.png"),), facts=(NODULE,), group="g")
    samples = {
        sample.id.split("/")[2]: sample for sample in samples_of(record, CARD, split="test", langs=(lang,))
    }
    assert not any("position" in name for name in samples), "places are asked only where a recipe says so"
    samples = {
        sample.id.split("/")[2]: sample
        for sample in samples_of(record, CARD, split="test", langs=(lang,), config=config)
    }
    assert set(samples) == {
        "position-nodule-what",
        "position-nodule-yesno",
        "position-nodule-choice",
        "nodule-box",
    }
    what = samples["position-nodule-what"]
    assert glossary().term("nodule").phrase(lang) in what.messages[0].text
    assert label(what) == "upper_left_part" and question_key(what) == "invented/position/what"
    values = glossary().attributes["position"].values
    assert read_answer(what.messages[1].text, values, lang) == "upper_left_part"
    box = json.loads(samples["nodule-box"].messages[1].text)
    assert box == [100, 100, 200, 300] and box_text(NODULE.box_xyxy) == "[100, 100, 200, 300]"
