"""Organs, cells and tissues: pictures of one thing are asked for it; an organ in view is no finding."""

import json

import pytest

from doctorsun.core.schema import Card, Fact, Picture, Record
from doctorsun.language.answers import label
from doctorsun.language.banks import banks
from doctorsun.language.coding import normal_facts, terms_of
from doctorsun.language.glossary import glossary
from doctorsun.language.questions import QuestionConfig, samples_of
from doctorsun.language.sentences import bank_of, slots_of

CARD = Card("invented", "t", "CC0-1.0", "", ("zh", "en"), "", "")
ORGANS = sorted(name for name, term in glossary().terms.items() if term.kind == "organ")


def asked(facts, **values):
    record = Record("1", (Picture(b"x", "x.png"),), tuple(facts), group="1")
    samples = samples_of(record, CARD, split="train", config=QuestionConfig(**values))
    return {(sample.id.split("/")[2], sample.lang): sample for sample in samples}


@pytest.mark.parametrize("form", ["yesno", "present", "absent"])
@pytest.mark.parametrize("name", ORGANS)
def test_an_organ_has_sentences_of_its_own_in_both_languages(name, form):
    assert bank_of(name, form) == f"organ.{form}"
    for phrasing in banks()[f"organ.{form}"]:
        texts = {lang: phrasing.fill(lang, slots_of(name, lang)) for lang in ("zh", "en")}
        assert glossary().term(name).phrase("zh") in texts["zh"]
        assert glossary().term(name).phrase("en") in texts["en"].lower()


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("shown_organ", "left_kidney"),
        ("oct_diagnosis", "normal_retina"),
        ("blood_cell", "thrombocyte"),
        ("tissue_type", "mucus"),
        ("kidney_cell", "podocytes"),
    ],
)
def test_a_picture_of_one_thing_is_asked_for_it_in_three_forms(fact, value):
    found = asked([Fact(fact, value=json.dumps(value))])
    for form in ("what", "yesno", "choice"):
        assert {lang for key, lang in found if key == f"{fact}-{form}"} == {"zh", "en"}
    assert label(found[f"{fact}-what", "zh"]) == value
    choice = found[f"{fact}-choice", "en"]
    answer = choice.choices["ABCD".index(choice.messages[-1].text)]
    assert answer == glossary().term(value).en


def test_organs_alone_make_a_caption_and_no_report():
    found = asked([Fact("liver", status="present", box_xyxy=(0.1, 0.1, 0.4, 0.4))])
    assert "liver" in found["caption-0", "en"].messages[-1].text
    assert "肝脏" in found["caption-0", "zh"].messages[-1].text
    assert not [key for key, _ in found if key.startswith(("report", "open"))]


def test_the_impression_of_a_report_names_the_finding_and_no_organ():
    found = asked([Fact("liver", status="present"), Fact("liver_cancer", status="present")])
    before, _, impression = found["report-0", "en"].messages[-1].text.partition("Impression: ")
    assert "The liver" in before or "the liver" in before
    assert "liver cancer" in impression.lower()
    assert len(impression.split(". ")) == 1
    assert found["open-0", "en"].messages[-1].text == "Liver cancer"


def test_what_a_normal_film_excludes_are_findings_that_lists_of_labels_can_state():
    excluded = {fact.name for fact in normal_facts()}
    assert {fact.status for fact in normal_facts()} == {"absent"}
    assert excluded <= {*terms_of("nih"), *terms_of("chexpert"), *terms_of("mesh")}
    assert "support_device" not in excluded and "scoliosis" not in excluded
