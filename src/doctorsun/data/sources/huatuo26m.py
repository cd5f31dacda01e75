"""Huatuo-26M: Chinese questions and answers from encyclopedias, a knowledge graph and the web (Lite)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from doctorsun.core.schema import Card, Origin, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder
from doctorsun.data.talk import talk_record

LITE = "format_data.jsonl"
PARTS: dict[str, Split | None] = {
    "train_datasets.jsonl": None,
    "validation_datasets.jsonl": "validation",
    "test_datasets.jsonl": "test",
}
GRAPH = "knowledge_graph"
HEAD = 65536
CARD = Card(
    name="huatuo26m",
    title="Huatuo-26M (Lite, encyclopedia, knowledge graph)",
    licence="Apache-2.0",
    url="https://github.com/FreedomIntelligence/Huatuo-26M",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Li J, Wang X, Wu X, Zhang Z, Xu X, Fu J, Tiwari P, Wan X, Wang B. Huatuo-26M, a large-scale Chinese "
        "medical QA dataset. arXiv 2305.01526, 2023."
    ),
    obtain=(
        "Take Huatuo26M-Lite, huatuo_encyclopedia_qa or huatuo_knowledge_graph_qa from the hub (owner "
        "FreedomIntelligence). The first found is read; name others in the recipe with reader and path."
    ),
    obtain_zh=(
        "从 Hugging Face（FreedomIntelligence）取 Huatuo26M-Lite、huatuo_encyclopedia_qa 或 "
        "huatuo_knowledge_graph_qa。默认读取最先找到的一个；其余在配方中用 reader 与 path 指定。"
    ),
    size="177,703 questions (Lite), 364,420 (encyclopedia), 798,444 (knowledge graph)",
    notes=(
        "The answers of Lite were rewritten by ChatGPT: origin synthetic. Those of the knowledge graph come "
        "from templates. Of several wordings of one question the first is used; answers that are only a link "
        "to a page are left out."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the parts."""
    return first_folder(root, _has_files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set: Lite, and beside it the encyclopedia's three parts."""
    place = folder / "huatuo26m"
    lite = [
        {
            "id": at,
            "answer": f"虚构回答{at}。",
            "score": 5,
            "label": "内科",
            "question": f"虚构提问{at}？",
            "related_diseases": "虚构病",
        }
        for at in range(4)
    ]
    put_text(place / LITE, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lite))
    for file in PARTS:
        row = {"questions": [[f"{file}虚构何病？", "同义虚构提问？"]], "answers": [f"{file}虚构条目。"]}
        put_text(place / file, json.dumps(row, ensure_ascii=False) + "\n")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question."""
    if _is_lite(place / LITE):
        for at, row in json_rows(place / LITE, counts):
            yield from _record(
                f"lite-{_number(at)}", row.get("question"), row.get("answer"), counts, "synthetic"
            )
    origin: Origin = "template" if GRAPH in place.name else "human"
    for name, split in PARTS.items():
        for at, row in json_rows(place / name, counts) if (place / name).is_file() else []:
            key = f"{name.partition('_')[0]}-{_number(at)}"
            asked, told = _first(row.get("questions")), _first(row.get("answers"))
            for record in _record(key, asked, told, counts, origin):
                yield replace(record, split=split)


def _record(key: str, asked: object, told: object, counts: Counts, origin: Origin) -> Iterator[Record]:
    if not isinstance(asked, str) or not isinstance(told, str):
        counts.drop("data.bad_row", key)
    elif told.startswith(("http://", "https://")) and not any(map(str.isspace, told.strip())):
        counts.drop("data.answer_is_link", key)
    else:
        yield talk_record(key, asked, told, lang="zh", origin=origin)


def _first(words: object) -> object:
    """The first of wordings that may be nested once more."""
    while isinstance(words, list):
        words = words[0] if words else None
    return words


def _number(place: str) -> str:
    return place.rpartition("/")[2]


def _has_files(folder: Folder) -> bool:
    if LITE in folder.files and _is_lite(folder.path / LITE):
        return True
    return any(_holds(folder.path / name, "questions", "answers") for name in PARTS if name in folder.files)


def _is_lite(path: Path) -> bool:
    return _holds(path, "question", "related_diseases")


def _holds(path: Path, *fields: str) -> bool:
    """Whether the begin of a file names all these fields."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return all(f'"{field}"'.encode() in head for field in fields)
