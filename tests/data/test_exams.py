"""Questions of exams: how they are asked, what is refused and why, and the tables they come from."""

from dataclasses import replace

import pytest

from doctorsun.core.errors import DataError
from doctorsun.core.strings import lines
from doctorsun.data.counts import Counts
from doctorsun.data.exams import (
    Exam,
    exam_record,
    exam_records,
    has_subjects,
    letter_exams,
    lettered,
    sheet_exams,
    subject_records,
)
from doctorsun.language.answers import LETTERS, read_letter
from doctorsun.language.banks import banks, held_out
from doctorsun.language.questions import with_options

EN = Exam(
    key="e1",
    stem="Which invented bone is the longest?",
    options={"A": "the left one", "B": "the right one", "C": "the third one"},
    right="B",
)
ZH = Exam(key="z1", stem="虚构的骨中最长的是", options={"A": "甲骨", "B": "乙骨", "C": "丙骨"}, right="C")


def asked(exam, lang="en"):
    counts = Counts()
    record = exam_record(exam, counts, lang=lang)
    return (record.texts if record else ()), counts


@pytest.mark.parametrize(("exam", "lang"), [(EN, "en"), (ZH, "zh")], ids=["en", "zh"])
def test_a_question_is_asked_as_those_made_of_facts_are(exam, lang):
    (text,), counts = asked(exam, lang)
    block, _, instruction = text.question.rpartition("\n")
    assert block == with_options(exam.stem, tuple(exam.options.values()), lang)
    assert instruction in {getattr(line, lang) for line in banks()["letter"] if not held_out(line.name)}
    assert (text.answer, text.kind, text.lang, text.task) == (exam.right, "choice", lang, "qa")
    assert text.choices == tuple(exam.options.values())
    assert read_letter(text.answer, text.choices, lang) == exam.right
    assert not counts.dropped


def test_several_right_options_are_answered_with_all_their_letters():
    (text,), _ = asked(replace(EN, right="C, A"))
    assert text.answer == "AC"
    assert text.question.rpartition("\n")[2] in {line.en for line in banks()["exam.letters"]}


def test_a_question_that_lets_several_be_right_does_not_tell_when_one_is():
    (text,), _ = asked(replace(ZH, several=True), "zh")
    assert text.answer == "C"
    assert text.question.rpartition("\n")[2] in {line.zh for line in banks()["exam.letters"]}


def test_the_explanation_is_an_open_question_that_names_the_right_letters():
    (choice, why), _ = asked(replace(ZH, right="AB", why=" 因为如此。 "), "zh")
    assert (why.kind, why.answer, why.origin) == ("open", "因为如此。", "human")
    assert "A、B" in why.question.rpartition("\n")[2]
    assert why.question.rpartition("\n")[0] == choice.question.rpartition("\n")[0]
    assert choice.key != why.key


@pytest.mark.parametrize("right", ["B", "(B)", "b", " B. ", "\uff22"])
def test_a_letter_is_read_however_it_is_written(right):
    (text,), _ = asked(replace(EN, right=right))
    assert text.answer == "B"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"stem": " \n"}, "data.empty_question"),
        ({"options": {"A": "one", "B": " "}, "right": "A"}, "data.one_option"),
        ({"options": {}}, "data.one_option"),
        ({"options": {name: f"no. {name}" for name in "ABCDEFGHI"}}, "data.too_many_options"),
        ({"options": {"A": "one", "C": "three"}, "right": "C"}, "data.option_absent"),
        ({"options": {"B": "two", "C": "three"}}, "data.option_absent"),
        ({"right": ""}, "data.no_answer"),
        ({"right": "D"}, "data.answer_no_option"),
        ({"right": "BD"}, "data.answer_no_option"),
        ({"right": "none"}, "data.answer_no_option"),
        ({"options": {"A": "one", "B": "two", "C": " two"}}, "data.right_option_twice"),
    ],
)
def test_a_question_that_cannot_be_asked_is_counted_by_its_reason(changed, reason):
    texts, counts = asked(replace(EN, **changed))
    assert not texts
    assert counts.dropped == {reason: 1}
    assert counts.examples == {reason: ["e1"]}
    assert all(f"reason_{reason.replace('.', '_')}" in lines(lang, "data") for lang in ("en", "zh"))


def test_an_empty_last_option_is_no_option():
    (text,), _ = asked(replace(EN, options={**EN.options, "D": ""}))
    assert text.choices == tuple(EN.options.values())


def test_equal_wrong_options_are_told_and_lose_nothing():
    (text,), counts = asked(replace(EN, options={"A": "one", "B": "two", "C": "one"}))
    assert text.answer == "B"
    assert counts.noted == {"data.option_twice": 1}


def test_options_that_differ_by_capitals_alone_are_two():
    (text,), counts = asked(replace(EN, options={"A": "Aa", "B": "aa", "C": "AA"}))
    assert text.choices == ("Aa", "aa", "AA")
    assert not counts.noted


def test_eight_options_are_not_too_many():
    (text,), _ = asked(replace(EN, options={name: f"no. {name}" for name in LETTERS}, right="H"))
    assert text.answer == "H"
    assert "\nH. no. H\n" in text.question


def test_equal_questions_of_two_sources_are_worded_alike():
    for number in range(12):
        exam = replace(EN, stem=f"Invented stem {number}?", why="Because.")
        assert asked(exam)[0] == asked(replace(exam, key="other", split="test"))[0]


def test_half_a_character_ends_nothing():
    (text,), _ = asked(replace(EN, stem="Which \ud800 bone?"))
    assert text.answer == "B"


def test_equal_stems_are_one_group_whatever_their_options():
    records = list(
        exam_records(iter([EN, replace(EN, key="e2", options={"A": "x", "B": "y"})]), Counts(), lang="en")
    )
    assert len({record.group for record in records}) == 1
    assert len({record.id for record in records}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "A 甲\nB 乙\nC 丙",
        "(A) 甲\n(B) 乙\n(C) 丙",
        "A. 甲\n\nB．乙\nC、丙\n",
        "A甲\r\nB乙\r\nC丙",
        "A：甲\nB：乙\n C：丙",
    ],
)
def test_options_are_read_behind_their_letters(text):
    assert lettered(text) == {"A": "甲", "B": "乙", "C": "丙"}


def test_a_line_without_a_letter_goes_on_with_the_option_before_it():
    assert lettered("A one\nABO is known\nB two\nA line more") == {
        "A": "one ABO is known",
        "B": "two A line more",
    }


def test_a_missing_option_is_not_swallowed_by_the_one_before_it():
    assert lettered("A one\nB two\nD four") == {"A": "one", "B": "two", "D": "four"}


@pytest.mark.parametrize(
    "table",
    [
        '"A, then?",one,"two, three",four,five,C\n',
        'question,choice0,choice1,choice2,choice3,answer\n"A, then?",one,"two, three",four,five,2\n',
        ',Question,A,B,C,D,Answer\n0,"A, then?",one,"two, three",four,five,C\n',
    ],
    ids=["no head", "numbers", "numbered rows"],
)
def test_the_three_kinds_of_tables_say_the_same(table, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(table)
    (exam,) = sheet_exams(path, Counts(), name="x", topic="t", split="test")
    assert (exam.key, exam.stem, exam.right, exam.topic, exam.split) == ("x-0", "A, then?", "C", "t", "test")
    assert exam.options == {"A": "one", "B": "two, three", "C": "four", "D": "five"}


def test_a_row_that_is_cut_short_costs_only_itself(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("One?,a,b,c,d,A\nTwo?,a\nThree?,a,b,c,d,B\n")
    counts = Counts()
    exams = list(sheet_exams(path, counts, name="x", topic="t", split=None))
    assert [exam.key for exam in exams] == ["x-0", "x-2"]
    assert counts.dropped == {"data.bad_row": 1}


def test_a_table_whose_quotes_never_end_says_so(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('One?,"a,b,c,d,A\n')
    with pytest.raises(DataError) as caught:
        list(sheet_exams(path, Counts(), name="x", topic="t", split=None))
    assert caught.value.key == "data.bad_table"


def test_lines_that_are_no_question_are_counted(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"question": "Q?", "options": {"B": "two", "A": "one"}, "answer_idx": "A"}\n'
        '{"question": "Q?", "options": ["one"]}\n'
        "not JSON\n"
    )
    counts = Counts()
    (exam,) = letter_exams(path, counts, name="train", split=None)
    assert list(exam.options) == ["A", "B"]
    assert counts.dropped.total() == 2


def test_subjects_are_read_part_by_part(tmp_path):
    for part in ("dev", "val", "test"):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"anatomy_{part}.csv").write_text("One?,a,b,c,d,A\n")
    names = "{subject}_{part}.csv"
    assert has_subjects(tmp_path, ("anatomy",), names, parts=("test",))
    assert not has_subjects(tmp_path, ("virology",), names)
    records = list(subject_records(tmp_path, Counts(), subjects=("anatomy",), names=names, lang="en"))
    assert [record.split for record in records] == ["validation", "validation", "test"]
    assert {record.id for record in records} == {"dev-anatomy-0", "val-anatomy-0", "test-anatomy-0"}
