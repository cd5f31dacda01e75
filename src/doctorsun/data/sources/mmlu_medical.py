"""MMLU's questions of medical subjects."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.exams import has_subjects, subject_records
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import first_folder

SIX = (
    "anatomy",
    "clinical_knowledge",
    "college_biology",
    "college_medicine",
    "medical_genetics",
    "professional_medicine",
)
FURTHER = ("human_aging", "human_sexuality", "nutrition", "virology")
NAMES = "{subject}_{part}.csv"
CARD = Card(
    name="mmlu_medical",
    title="MMLU, medical subjects",
    licence="MIT",
    url="https://github.com/hendrycks/test",
    languages=("en",),
    test_rows="some",
    citation=(
        "Hendrycks D, Burns C, Basart S, Zou A, Mazeika M, Song D, Steinhardt J. Measuring massive multitask "
        "language understanding. ICLR 2021."
    ),
    obtain="Unpack data.tar (link in the repository's README); dev, val and test in its data are read.",
    obtain_zh="解压 data.tar（链接见仓库 README）；读取其 data 目录下的 dev、val 与 test。",
    size="1,089 test, 123 val and 30 dev questions of the six subjects",
    notes=(
        "The six subjects that medical papers report; `further: true` adds human aging, human sexuality, "
        "nutrition and virology. dev holds the few-shot examples."
    ),
)


def find(root: Path) -> Path | None:
    """The folder with a test of the six subjects, else one with any table of all ten."""
    return first_folder(root, lambda at: has_subjects(at.path, SIX, NAMES, parts=("test",))) or first_folder(
        root, lambda at: has_subjects(at.path, SIX + FURTHER, NAMES)
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for part in ("dev", "test"):
        for subject in SIX[:2]:
            rows = [
                [f"Which invented part of {subject} {at}?", "one", "two, three", "four", "five", "ABCD"[at]]
                for at in range(3)
            ]
            path = folder / "mmlu" / "data" / part / NAMES.format(subject=subject, part=part)
            put_table(path, rows[0], rows[1:])


def records(place: Path, counts: Counts, *, further: bool = False) -> Iterator[Record]:
    """One record a question of the six subjects, and of four further ones where asked."""
    subjects = SIX + FURTHER if further else SIX
    yield from subject_records(place, counts, subjects=subjects, names=NAMES, lang="en")
