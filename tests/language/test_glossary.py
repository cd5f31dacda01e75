"""The glossary and the banks that a clinician edits: complete, unambiguous, alike in both languages."""

import re
from string import Formatter

import pytest

from doctorsun.core.errors import ConfigError
from doctorsun.language.answers import plain, read_answer
from doctorsun.language.banks import banks, first_bank, held_out
from doctorsun.language.glossary import Term, glossary, uncapital
from doctorsun.language.questions import DEFAULT
from doctorsun.language.sentences import bank_of, slots_of

HAN = re.compile(r"[\u4e00-\u9fff]")
LANGS = ("zh", "en")
ATTRIBUTES = sorted(glossary().attributes)
QUESTIONS = [name for name in banks() if re.search(r"\.(what|yesno|open)$|^[a-z]+$", name)]
FINDINGS = sorted(name for name, term in glossary().terms.items() if term.kind == "finding")


def test_no_id_stands_for_two_things():
    assert not set(glossary().terms) & set(glossary().attributes)
    assert not {"yes", "no"} & set(glossary().terms)


@pytest.mark.parametrize("term", glossary().terms.values(), ids=lambda term: term.id)
def test_every_term_is_said_in_chinese_and_in_english(term: Term):
    assert HAN.search(term.zh) or term.zh.isupper()
    assert not any(HAN.search(wording) for wording in term.wordings("en"))
    assert re.fullmatch(r"[a-z][a-z0-9_]*", term.id)
    assert term.en[0].isupper()


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_no_two_values_of_one_attribute_share_a_wording(name: str, lang: str):
    owner: dict[str, str] = {}
    for label in glossary().attributes[name].values:
        for wording in glossary().term(label).wordings(lang):
            assert owner.setdefault(plain(wording), label) == label, wording


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_wording_of_a_value_is_read_as_that_value(name: str, lang: str):
    allowed = glossary().attributes[name].labels
    for label in glossary().attributes[name].values:
        for wording in glossary().term(label).wordings(lang):
            assert read_answer(wording, allowed, lang) == label
            assert read_answer(f"{wording}{'。' if lang == 'zh' else '.'}", allowed, lang) == label
    for label in allowed:
        assert read_answer(glossary().answer(label, lang), allowed, lang) == label


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_scope_names_values_of_its_attribute(name: str):
    attribute = glossary().attributes[name]
    for labels in attribute.scope.values():
        assert set(labels) <= set(attribute.labels)


@pytest.mark.parametrize("name", [*ATTRIBUTES, *FINDINGS])
def test_every_question_about_a_fact_can_be_put_in_both_languages(name: str):
    attribute = glossary().attribute(name)
    labels = attribute.labels[:1] if attribute else (None,)
    for form in DEFAULT.forms_of(name):
        for phrasing in banks()[bank_of(name, "what" if form == "choice" else form)]:
            for lang in LANGS:
                text = phrasing.fill(lang, slots_of(name, lang, label=labels[0]))
                assert text and "{" not in text and "  " not in text


@pytest.mark.parametrize("name", sorted(banks()))
def test_every_bank_says_the_same_number_of_things_in_chinese_and_english(name: str):
    for phrasing in banks()[name]:
        assert HAN.search(phrasing.zh) or phrasing.zh.startswith("{")
        assert not HAN.search(phrasing.en)
    wordings = [phrasing.en for phrasing in banks()[name]]
    assert len(set(wordings)) == len(wordings)
    assert len({phrasing.zh for phrasing in banks()[name]}) == len(wordings)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_quarter_of_the_phrasings_of_every_question_is_held_out(name: str):
    lines = banks()[name]
    assert len(lines) >= (4 if name == "letter" else 8)
    assert sum(held_out(line.name) for line in lines) * 4 == len(lines)


def test_both_wordings_of_a_phrasing_use_the_same_value():
    for name, lines in banks().items():
        for line in lines:
            zh, en = ({part[1] for part in Formatter().parse(text) if part[1]} for text in (line.zh, line.en))
            assert ("value" in zh) == bool({"value", "a_value", "Value"} & en), name


def test_a_term_that_is_not_there_names_the_near_one():
    with pytest.raises(ConfigError, match="melanoma"):
        glossary().term("melanomma")
    with pytest.raises(ConfigError, match="nowhere"):
        first_bank("nowhere.what")


def test_abbreviations_keep_their_capitals_inside_a_sentence():
    assert [uncapital(text) for text in ("Left eye", "CT", "X-ray", "COVID-19", "AP supine", "MRI")] == [
        "left eye",
        "CT",
        "X-ray",
        "COVID-19",
        "AP supine",
        "MRI",
    ]
