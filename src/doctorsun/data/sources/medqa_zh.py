"""MedQA of mainland China: questions of the medical licensing examination, with four or five options."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.exams import exam_records, letter_exams
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder

FOLDER = "Mainland"
SPLITS: dict[str, Split | None] = {"train": None, "dev": "validation", "test": "test"}
CARD = Card(
    name="medqa_zh",
    title="MedQA (MCMLE, mainland China)",
    licence="MIT",
    url="https://github.com/jind11/MedQA",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Jin D, Pan E, Oufattole N, Weng W-H, Fang H, Szolovits P. What disease does this patient have? A "
        "large-scale open domain question answering dataset from medical exams. Applied Sciences 11, 2021."
    ),
    obtain="Download data_clean.zip by the link in the repository's README; questions/Mainland is read.",
    obtain_zh="按仓库 README 中的链接下载 data_clean.zip；读取 questions/Mainland。",
    size="34,251 questions: 27,400 train, 3,425 dev, 3,426 test; each with five options and with four",
    notes="The files with four and with five options hold the same questions; `options` says which is read.",
)


def find(root: Path) -> Path | None:
    """The folder `Mainland`."""
    return first_folder(root, _has_files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "medqa" / "data_clean" / "questions" / FOLDER
    for part in SPLITS:
        lines = {4: "", 5: ""}
        for at in range(3):
            for number in lines:
                options = {letter: f"虚构药物{letter}{at}" for letter in "ABCDE"[:number]}
                row = {
                    "question": f"{part}虚构患者{at}应使用（　　）。",
                    "options": options,
                    "answer": options["D"],
                    "meta_info": "卫生法规",
                    "answer_idx": "D",
                }
                lines[number] += json.dumps(row, ensure_ascii=False) + "\n"
        put_text(place / f"{part}.jsonl", lines[5])
        put_text(place / "4_options" / f"{part}.jsonl", lines[4])


def records(place: Path, counts: Counts, *, options: int = 4) -> Iterator[Record]:
    """One record a question, with four or five options; where those are not on disk, with the others."""
    found = {4: _named(place / "4_options"), 5: _named(place)}
    files = found.get(options) or found[4] or found[5]
    for part, path in files.items():
        exams = letter_exams(path, counts, name=part, split=SPLITS[part])
        yield from exam_records(exams, counts, lang="zh")


def _named(place: Path) -> dict[str, Path]:
    paths = {part: place / f"{part}.jsonl" for part in SPLITS}
    return {part: path for part, path in paths.items() if path.is_file()}


def _has_files(folder: Folder) -> bool:
    inside = {f"{part}.jsonl" for part in SPLITS} & set(folder.files) or "4_options" in folder.folders
    return folder.path.name == FOLDER and bool(inside)
