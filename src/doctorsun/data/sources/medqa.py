"""MedQA of the United States: questions in the style of the USMLE, with four or five options."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.exams import exam_records, letter_exams
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder

FOLDER, PREFIX = "US", "phrases_no_exclude_"
SPLITS: dict[str, Split | None] = {"train": None, "dev": "validation", "test": "test"}
CARD = Card(
    name="medqa",
    title="MedQA (USMLE)",
    licence="MIT",
    url="https://github.com/jind11/MedQA",
    languages=("en",),
    test_rows="some",
    citation=(
        "Jin D, Pan E, Oufattole N, Weng W-H, Fang H, Szolovits P. What disease does this patient have? A "
        "large-scale open domain question answering dataset from medical exams. Applied Sciences 11, 2021."
    ),
    obtain="Download data_clean.zip by the link in the repository's README; questions/US is read.",
    obtain_zh="按仓库 README 中的链接下载 data_clean.zip；读取 questions/US。",
    size="12,723 questions: 10,178 train, 1,272 dev, 1,273 test; each with five options and with four",
    notes="The files with four and with five options hold the same questions; `options` says which is read.",
)


def find(root: Path) -> Path | None:
    """The folder `US`, else the one that holds the files with four options."""
    return first_folder(root, _has_files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "medqa" / "data_clean" / "questions" / FOLDER
    for part in SPLITS:
        lines = {4: "", 5: ""}
        for at in range(3):
            for number in lines:
                options = {letter: f"invented drug {letter}{at}" for letter in "ABCDE"[:number]}
                row = {
                    "question": f"An invented patient of {part} {at} asks for a drug. Which one?",
                    "answer": options["B"],
                    "options": options,
                    "meta_info": "step1",
                    "answer_idx": "B",
                }
                lines[number] += json.dumps(row) + "\n"
        put_text(place / f"{part}.jsonl", lines[5])
        put_text(place / "4_options" / f"{PREFIX}{part}.jsonl", lines[4])


def records(place: Path, counts: Counts, *, options: int = 4) -> Iterator[Record]:
    """One record a question, with four or five options; where those are not on disk, with the others."""
    four = [place / "4_options", place]
    found = {4: [_named(at, PREFIX) for at in four], 5: [_named(place, "")]}
    files = next(filter(None, [*found.get(options, []), *found[4], *found[5]]), {})
    for part, path in files.items():
        exams = letter_exams(path, counts, name=part, split=SPLITS[part])
        yield from exam_records(exams, counts, lang="en")


def _named(place: Path, prefix: str) -> dict[str, Path]:
    paths = {part: place / f"{prefix}{part}.jsonl" for part in SPLITS}
    return {part: path for part, path in paths.items() if path.is_file()}


def _has_files(folder: Folder) -> bool:
    if any(name.startswith(PREFIX) and name.endswith(".jsonl") for name in folder.files):
        return True
    inside = {f"{part}.jsonl" for part in SPLITS} & set(folder.files) or "4_options" in folder.folders
    return folder.path.name == FOLDER and bool(inside)
