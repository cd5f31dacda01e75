"""Questions of exams: a stem, its options, the letters of the right ones and why, as a Record."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from random import Random

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Lang, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.reading import read_text
from doctorsun.data.talk import question_group
from doctorsun.language.answers import LETTERS
from doctorsun.language.banks import pick
from doctorsun.language.questions import with_options

_BETWEEN = re.compile(r"[\s,，、;；.．()（）]")
PARTS: dict[str, Split] = {"dev": "validation", "val": "validation", "test": "test"}
_LETTERED = re.compile(r"\(?([A-Z])(?:[).．、:：)]\s*|\s+|(?=[^\x00-\x7f])|$)(.*)")
_NUMBERED = {str(at): letter for at, letter in enumerate(LETTERS)}
_NEXT = {"en": ", ", "zh": "、"}


@dataclass(frozen=True, slots=True)
class Exam:
    """One question of an exam as its file tells it.

    `options` stand under their letters, A first; `right` names the right ones, empty where that is not
    published; `several` says that the exam lets more than one be right. `why` is the exam's explanation.
    """

    key: str
    stem: str
    options: Mapping[str, str]
    right: str
    why: str = ""
    several: bool = False
    topic: str | None = None
    split: Split | None = None


def exam_record(exam: Exam, counts: Counts, *, lang: Lang) -> Record | None:
    """A record of one question, its letters as the answer; null where it cannot be asked, which is counted.

    Options without words are left out where none follows them. Equal stems are one group.
    """
    stem = exam.stem.strip()
    options = {name: " ".join(text.split()) for name, text in exam.options.items() if text.strip()}
    right = _named(exam.right)
    fault = _fault(stem, options, right)
    if fault:
        counts.drop(fault, exam.key)
        return None
    if len(set(options.values())) < len(options):
        counts.note("data.option_twice", exam.key)
    letters = sorted(right)
    several = exam.several or len(letters) > 1
    choices = tuple(options.values())
    asked = with_options(stem, choices, lang)
    # Equal questions are worded alike wherever they come from, so that they are found to be equal.
    rng = Random(question_group(asked))
    letter = pick("exam.letters" if several else "letter", rng, split="train").fill(lang, {})
    because = pick("exam.why", rng, split="train").fill(lang, {"letters": _NEXT[lang].join(letters)})
    question = Text(
        question=f"{asked}\n{letter}",
        answer="".join(letters),
        lang=lang,
        task="qa",
        kind="choice",
        topic=exam.topic,
        choices=choices,
        key="choice",
    )
    why = Text(
        question=f"{asked}\n{because}",
        answer=exam.why.strip(),
        lang=lang,
        task="qa",
        kind="open",
        topic=exam.topic,
        key="why",
    )
    texts = (question, why) if why.answer else (question,)
    return Record(id=exam.key, texts=texts, group=question_group(stem), split=exam.split)


def exam_records(exams: Iterator[Exam], counts: Counts, *, lang: Lang) -> Iterator[Record]:
    """The records of all questions that can be asked."""
    for exam in exams:
        record = exam_record(exam, counts, lang=lang)
        if record is not None:
            yield record


def lettered(lines: str) -> dict[str, str]:
    """The options of a text that holds one a line, each behind its letter ("A …", "(A) …", "A. …").

    A line that begins with no later letter goes on with the option before it.
    """
    options: dict[str, str] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        found = _LETTERED.match(line)
        if found and found[1] > max(options, default=""):
            options[found[1]] = found[2]
        elif options:
            options[max(options)] += f" {line}"
    return options


def sheet_exams(path: Path, counts: Counts, *, name: str, topic: str, split: Split | None) -> Iterator[Exam]:
    """The questions of a CSV as MMLU has them: question, options, answer.

    It may have a head, and then a column of numbers before and the answer as a number from 0. DataError
    where it is no CSV.
    """
    rows = _rows(path, counts)
    headed = bool(rows) and "question" in [cell.strip().lower() for cell in rows[0]]
    skip = int(headed and not rows[0][0].strip())
    for at, row in enumerate(rows[1:] if headed else rows):
        cells, key = [cell.strip() for cell in row[skip:]], f"{name}-{at}"
        if len(cells) < 4:
            counts.drop("data.bad_row", key)
            continue
        stem, *options, answer = cells
        letters = dict(zip(LETTERS, options, strict=False))
        right = _NUMBERED.get(answer, answer)
        yield Exam(key=key, stem=stem, options=letters, right=right, topic=topic, split=split)


def has_subjects(
    place: Path, subjects: Sequence[str], names: str, *, parts: Sequence[str] = tuple(PARTS)
) -> bool:
    """Whether one of the parts (dev, val, test) below a folder holds the table of one of the subjects."""
    paths = [
        place / part / names.format(subject=subject, part=part) for part in parts for subject in subjects
    ]
    return any(path.is_file() for path in paths)


def subject_records(
    place: Path, counts: Counts, *, subjects: Sequence[str], names: str, lang: Lang
) -> Iterator[Record]:
    """One record a question of the subjects of MMLU or a set like it; dev and val are validation."""
    for part, split in PARTS.items():
        for subject in subjects:
            path = place / part / names.format(subject=subject, part=part)
            if path.is_file():
                name = f"{part}-{subject}"
                exams = sheet_exams(path, counts, name=name, topic=subject, split=split)
                yield from exam_records(exams, counts, lang=lang)


def letter_exams(path: Path, counts: Counts, *, name: str, split: Split | None) -> Iterator[Exam]:
    """The questions of JSON lines as MedQA has them: question, options by letter, answer_idx."""
    for place, row in json_rows(path, counts):
        key, options = f"{name}-{place.rpartition('/')[2]}", row.get("options")
        if not isinstance(row.get("question"), str) or not isinstance(options, dict):
            counts.drop("data.bad_row", key)
            continue
        letters = {str(letter): str(text) for letter, text in sorted(options.items())}
        right = str(row.get("answer_idx") or "")
        yield Exam(key=key, stem=row["question"], options=letters, right=right, split=split)


def _rows(path: Path, counts: Counts) -> Sequence[list[str]]:
    text = read_text(path, counts=counts)
    try:
        return [row for row in csv.reader(StringIO(text, newline=""), strict=True) if any(row)]
    except csv.Error as error:
        raise DataError("data.bad_table", where=path.name, problem=error) from None


def _named(letters: str) -> frozenset[str]:
    """The letters that an answer names: "D", "(D)", "ABD", "a, b"."""
    return frozenset(_BETWEEN.sub("", unicodedata.normalize("NFKC", letters)).upper())


def _fault(stem: str, options: Mapping[str, str], right: frozenset[str]) -> str | None:
    wrong = [text for name, text in options.items() if name not in right]
    faults = (
        ("data.empty_question", not stem),
        ("data.one_option", len(options) < 2),
        ("data.too_many_options", len(options) > len(LETTERS)),
        ("data.option_absent", list(options) != list(LETTERS[: len(options)])),
        ("data.no_answer", not right),
        ("data.answer_no_option", not right <= options.keys()),
        ("data.right_option_twice", any(text in wrong for name, text in options.items() if name in right)),
    )
    return next((reason for reason, holds in faults if holds), None)
