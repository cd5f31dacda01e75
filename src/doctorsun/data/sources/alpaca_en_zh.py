"""Alpaca's general instructions in English and their Chinese translation."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Lang, Origin, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder, read_json_rows
from doctorsun.data.talk import instruction_records

_NAME = re.compile(r"alpaca_data-(\d+-\d+)-(英文|中文).*\.json")
LANGS: dict[str, tuple[Lang, Origin]] = {"英文": ("en", "synthetic"), "中文": ("zh", "translated")}
CARD = Card(
    name="alpaca_en_zh",
    title="Alpaca in English and Chinese",
    licence="CC-BY-NC-4.0",
    url="https://github.com/hikariming/alpaca_chinese_dataset",
    languages=("zh", "en"),
    citation="Taori R et al. Stanford Alpaca: An instruction-following LLaMA model. 2023.",
    obtain="Clone the repository; the parallel files below history/ are read.",
    obtain_zh="克隆仓库；读取 history/ 下的平行文件。",
    size="about 52,000 instructions in each language",
    non_commercial=True,
    general=True,
    notes=(
        "The repository says MIT, Alpaca itself says CC BY-NC 4.0: the stricter one counts. Chinese is a "
        "translation by machine; rows that were not translated are missing, so the two languages have no "
        "common numbers and twins may fall into different splits."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the folders of parallel files."""
    place = first_folder(root, _has_files)
    return place.parent if place is not None and place != root else place


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    words = {"英文": ("Invent thing {}.", "Here is thing {}."), "中文": ("虚构第{}件。", "这是第{}件。")}
    for name, (ask, tell) in words.items():
        rows = [{"instruction": ask.format(at), "input": "", "output": tell.format(at)} for at in range(6)]
        path = folder / "alpaca" / "history" / name / f"alpaca_data-0-6-{name}.json"
        put_text(path, json.dumps(rows, ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record an instruction."""
    for path in sorted(place.rglob("*.json")):
        name = _NAME.fullmatch(path.name)
        if name:
            lang, origin = LANGS[name[2]]
            rows = read_json_rows(path)
            if origin == "translated":
                rows = [row and _unescaped(row) for row in rows]
            yield from instruction_records(rows, counts, name=f"{lang}-{name[1]}", lang=lang, origin=origin)


def _unescaped(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row with the signs that the translation server wrote as HTML ("&#39;") as themselves."""
    return {name: unescape(value) if isinstance(value, str) else value for name, value in row.items()}


def _has_files(folder: Folder) -> bool:
    return any(_NAME.fullmatch(name) for name in folder.files)
