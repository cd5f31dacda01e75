"""MedQA of mainland China: questions of the medical licensing examination, with four or five options."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.medqa import CITATION, country_records, find_country, write_country

FOLDER = "Mainland"
CARD = Card(
    name="medqa_zh",
    title="MedQA (MCMLE, mainland China)",
    licence="MIT",
    url="https://github.com/jind11/MedQA",
    languages=("zh",),
    test_rows="some",
    citation=CITATION,
    obtain="Download data_clean.zip by the link in the repository's README; questions/Mainland is read.",
    obtain_zh="按仓库 README 中的链接下载 data_clean.zip；读取 questions/Mainland。",
    size="34,251 questions: 27,400 train, 3,425 dev, 3,426 test; each with five options and with four",
    notes="The files with four and with five options hold the same questions; `options` says which is read.",
)


def find(root: Path) -> Path | None:
    """The folder `Mainland`."""
    return find_country(root, FOLDER)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    write_country(folder / "medqa" / "data_clean" / "questions" / FOLDER, _row)


def records(place: Path, counts: Counts, *, options: int = 4) -> Iterator[Record]:
    """One record a question, with four or five options; where those are not on disk, with the others."""
    yield from country_records(place, counts, lang="zh", options=options)


def _row(part: str, at: int, number: int) -> dict[str, Any]:
    options = {letter: f"虚构药物{letter}{at}" for letter in "ABCDE"[:number]}
    return {
        "question": f"{part}虚构患者{at}应使用（　　）。",
        "options": options,
        "answer": options["D"],
        "meta_info": "卫生法规",
        "answer_idx": "D",
    }
