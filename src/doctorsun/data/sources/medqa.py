"""MedQA of the United States: questions in the style of the USMLE, with four or five options."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.medqa import CITATION, country_records, find_country, write_country

FOLDER, PREFIX = "US", "phrases_no_exclude_"
CARD = Card(
    name="medqa",
    title="MedQA (USMLE)",
    licence="MIT",
    url="https://github.com/jind11/MedQA",
    languages=("en",),
    test_rows="some",
    citation=CITATION,
    obtain="Download data_clean.zip by the link in the repository's README; questions/US is read.",
    obtain_zh="按仓库 README 中的链接下载 data_clean.zip；读取 questions/US。",
    size="12,723 questions: 10,178 train, 1,272 dev, 1,273 test; each with five options and with four",
    notes="The files with four and with five options hold the same questions; `options` says which is read.",
)


def find(root: Path) -> Path | None:
    """The folder `US`, else the one that holds the files with four options."""
    return find_country(root, FOLDER, prefix=PREFIX)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    write_country(folder / "medqa" / "data_clean" / "questions" / FOLDER, _row, prefix=PREFIX)


def records(place: Path, counts: Counts, *, options: int = 4) -> Iterator[Record]:
    """One record a question, with four or five options; where those are not on disk, with the others."""
    yield from country_records(place, counts, lang="en", options=options, prefix=PREFIX)


def _row(part: str, at: int, number: int) -> dict[str, Any]:
    options = {letter: f"invented drug {letter}{at}" for letter in "ABCDE"[:number]}
    return {
        "question": f"An invented patient of {part} {at} asks for a drug. Which one?",
        "answer": options["B"],
        "options": options,
        "meta_info": "step1",
        "answer_idx": "B",
    }
