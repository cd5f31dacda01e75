"""MedQA: licensing examinations of three countries in one archive, a folder each, of the same form."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Lang, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.exams import exam_records, letter_exams
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder

FOUR = "4_options"
SPLITS: Mapping[str, Split | None] = {"train": None, "dev": "validation", "test": "test"}
CITATION = (
    "Jin D, Pan E, Oufattole N, Weng W-H, Fang H, Szolovits P. What disease does this patient have? A "
    "large-scale open domain question answering dataset from medical exams. Applied Sciences 11, 2021."
)


def find_country(root: Path, country: str, *, prefix: str = "") -> Path | None:
    """The folder of a country, or one with files of four options where `prefix` tells them by their names."""

    def holds(folder: Folder) -> bool:
        if prefix and any(name.startswith(prefix) and name.endswith(".jsonl") for name in folder.files):
            return True
        inside = {f"{part}.jsonl" for part in SPLITS} & set(folder.files) or FOUR in folder.folders
        return folder.path.name == country and bool(inside)

    return first_folder(root, holds)


def country_records(
    place: Path, counts: Counts, *, lang: Lang, options: int, prefix: str = ""
) -> Iterator[Record]:
    """One record a question, with four or five options; where those are not on disk, with the others."""
    four = [place / FOUR, place] if prefix else [place / FOUR]
    found = {4: [_named(at, prefix) for at in four], 5: [_named(place, "")]}
    files = next(filter(None, [*found.get(options, []), *found[4], *found[5]]), {})
    for part, path in files.items():
        exams = letter_exams(path, counts, name=part, split=SPLITS[part])
        yield from exam_records(exams, counts, lang=lang)


def write_country(
    place: Path, row: Callable[[str, int, int], Mapping[str, Any]], *, prefix: str = ""
) -> None:
    """Files of invented questions: `row` gives one by its part, its place, and the number of options."""
    for part in SPLITS:
        for number, file in ((5, place / f"{part}.jsonl"), (4, place / FOUR / f"{prefix}{part}.jsonl")):
            rows = (json.dumps(row(part, at, number), ensure_ascii=False) for at in range(3))
            put_text(file, "".join(f"{line}\n" for line in rows))


def _named(place: Path, prefix: str) -> dict[str, Path]:
    paths = {part: place / f"{prefix}{part}.jsonl" for part in SPLITS}
    return {part: path for part, path in paths.items() if path.is_file()}
