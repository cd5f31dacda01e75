"""ShareGPT with `images`, as LLaMA-Factory and ms-swift read it, with or without `dataset_info.json`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card, Record, Role
from doctorsun.data.counts import Counts
from doctorsun.data.formats import conversations
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.files import files_in, read_each, split_told
from doctorsun.data.formats.layout import ROLES, Layout
from doctorsun.data.formats.rows import LEAVE, ROW_ENDINGS, rows_of
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import read_json

Row = Mapping[str, Any]
Entry = tuple[Path, str, Layout, Mapping[str, str]]
READER = True
INFO = "dataset_info.json"
ELSEWHERE = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")
CARD = Card(
    name="sharegpt",
    title="ShareGPT (LLaMA-Factory, ms-swift)",
    licence="unknown",
    url="https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md",
    languages=("zh", "en"),
    citation="Zheng Y, et al. LlamaFactory: unified efficient fine-tuning of 100+ language models. ACL 2024.",
    obtain="Your own files: name this reader, their folder (path) and their licence in the recipe.",
    obtain_zh="读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）。",
    patient_groups=False,
    notes=(
        "With dataset_info.json its entries are read (all, or `dataset`), their columns and tags obeyed, in "
        "the formats sharegpt and alpaca, rankings too; without it every JSON, JSONL and Parquet with "
        "`conversations` or `messages`. Options: `dataset`, `file`, `images`, `lang`, `group`, `origin`."
    ),
)


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write invented files."""
    rows = []
    for at in range(5):
        put_picture(folder / "images" / f"{at}.png")
        turns = [
            {"role": "user", "content": f"<image>\n虚构图像{at}中有什么？"},
            {"role": "assistant", "content": f"虚构的亮斑{at}。"},
        ]
        rows.append({"messages": turns, "images": [f"images/{at}.png"]})
    info = {
        "mine": {
            "file_name": "mine.json",
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
            },
        }
    }
    put_text(folder / "mine.json", json.dumps(rows, ensure_ascii=False))
    put_text(folder / INFO, json.dumps(info))


@dataclass(frozen=True, slots=True)
class Options(conversations.Options):
    """As of all files of conversations; `dataset` is the only entry of dataset_info.json to read."""

    dataset: str = ""


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a row: its pictures and its whole conversation."""
    said = Options(**options)
    talks = Conversations.of(place, said, counts)
    told: dict[Path, Entry] = {}
    if (place / INFO).is_file() and not said.file:
        told = {entry[0]: entry for entry in _entries(place, said.dataset, counts)}

    def read(path: Path) -> Iterator[Record]:
        _, name, layout, alpaca = told.get(path, (path, path.stem, Layout(), {}))
        talks.layout = layout
        rows = rows_of(path, counts)
        split = split_told(path, place) or split_told(place / name, place)
        return talks.records(_turned(rows, alpaca) if alpaca else rows, split=split)

    files = sorted(told) or files_in(place, said.file, ROW_ENDINGS, leave=LEAVE)
    yield from read_each(files, read, counts)


def _entries(place: Path, dataset: str, counts: Counts) -> Iterator[Entry]:
    info = read_json(place / INFO, counts=counts)
    if not isinstance(info, dict) or (dataset and dataset not in info):
        raise DataError("data.no_table", where=INFO, expected=dataset or "{…}")
    for name, entry in info.items():
        if dataset in ("", name):
            files = _files(place, entry)
            if not files:
                counts.note("data.entry_skipped", str(name))
            for path in files:
                yield path, str(name), *_layout(entry)


def _files(place: Path, entry: object) -> list[Path]:
    """The files of an entry that lie in the folder; none where it is elsewhere or of another kind."""
    if not isinstance(entry, dict) or any(map(entry.get, ELSEWHERE)):
        return []
    path = place / str(entry.get("file_name") or "")
    if not path.resolve().is_relative_to(place.resolve()) or path == place:
        return []
    inner = sorted(path.iterdir()) if path.is_dir() else [path]
    return [each for each in inner if each.suffix.lower() in ROW_ENDINGS and each.is_file()]


def _layout(entry: Row) -> tuple[Layout, Mapping[str, str]]:
    """How an entry says its rows are laid out; for the format alpaca also the names of its columns."""
    columns, tags = _named(entry.get("columns")), _named(entry.get("tags"))
    roles: dict[str, Role] = dict(ROLES)
    defaults: dict[str, tuple[str, Role]] = {
        "user_tag": ("human", "user"),
        "assistant_tag": ("gpt", "assistant"),
        "system_tag": ("system", "system"),
    }
    for tag, (name, role) in defaults.items():
        roles[tags.get(tag, name).lower()] = role
    layout = replace(
        Layout(roles=roles),
        images=(columns.get("images", "images"), "image"),
        system=columns.get("system", "system"),
        chosen=(columns.get("chosen", "chosen"),),
        rejected=(columns.get("rejected", "rejected"), *Layout().rejected),
    )
    if entry.get("formatting", "alpaca") == "alpaca":
        usual = {"prompt": "instruction", "query": "input", "response": "output", "history": "history"}
        return layout, usual | columns
    return replace(
        layout,
        messages=(columns.get("messages", "conversations"),),
        role=(tags.get("role_tag", "from"),),
        content=(tags.get("content_tag", "value"),),
    ), {}


def _named(part: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in part.items()} if isinstance(part, dict) else {}


def _turned(rows: Iterable[tuple[str, Row]], columns: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    """Rows of the format alpaca with their instruction, answer and history as turns."""
    for place, row in rows:
        history = row.get(columns["history"])
        pairs = history if isinstance(history, list) else []
        said = [words for pair in pairs if isinstance(pair, list) for words in pair]
        asked = [row.get(columns[part]) for part in ("prompt", "query")]
        said.append("\n".join(str(part) for part in asked if part))
        if row.get(columns.get("chosen", "chosen")) is None:
            said.append(row.get(columns["response"]))
        turns = [{"role": ("user", "assistant")[at % 2], "content": words} for at, words in enumerate(said)]
        yield place, {**row, "messages": turns}
