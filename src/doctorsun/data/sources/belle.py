"""BELLE: Chinese instructions and conversations; general."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.files import read_each
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.formats.named_files import find_named
from doctorsun.data.miniature import put_text

Row = Mapping[str, Any]
FILES = (
    "Belle_open_source_0.5M.json",
    "Belle_open_source_1M.json",
    "train_2M_CN.json",
    "train_3.5M_CN.json",
    "multiturn_chat_0.8M.json",
    "generated_chat_0.4M.json",
    "school_math_0.25M.json",
)
_TURN = re.compile(r"(?:^|\n)\s*(Human|Assistant)[:：]")
CARD = Card(
    name="belle",
    title="BELLE",
    licence="GPL-3.0",
    url="https://huggingface.co/BelleGroup",
    languages=("zh",),
    citation=(
        "Ji Y, Deng Y, Gong Y, et al. Exploring the impact of instruction data scaling on large language "
        "models: an empirical study on real-world use cases. arXiv 2303.14742, 2023."
    ),
    obtain="Download train_0.5M_CN, train_1M_CN, train_2M_CN or multiturn_chat_0.8M from the address above.",
    obtain_zh="从上面的网址下载 train_0.5M_CN、train_1M_CN、train_2M_CN 或 multiturn_chat_0.8M。",
    size="0.5M to 3.5M rows, 0.3 to 4.9 GB a file",
    general=True,
    patient_groups=False,
    notes="Written by ChatGPT (origin synthetic). Its makers ask that it be used for research only.",
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return find_named(root, FILES)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    rows = [
        {"instruction": f"虚构的任务{at}：写一句话。", "input": "", "output": f"虚构的一句话{at}。"}
        for at in range(4)
    ]
    talk = {
        "instruction": "Human:虚构甲？\nAssistant:虚构乙。\nHuman:虚构丙？\nAssistant:",
        "input": "",
        "output": "虚构丁。",
    }
    for file, listed in ((FILES[0], rows), (FILES[4], [talk])):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in listed)
        put_text(folder / "belle" / file, lines)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record an instruction or a conversation."""
    talks = Conversations(counts, lambda cell: None, lang="zh", origin="synthetic")

    def read(path: Path) -> Iterator[Record]:
        return talks.records((where, _turned(row)) for where, row in json_rows(path, counts))

    yield from read_each((place / name for name in FILES if (place / name).is_file()), read, counts)


def _turned(row: Row) -> Row:
    """The row with its instruction and output as turns; one that has turns, or neither, as it is."""
    asked, answer = row.get("instruction"), row.get("output")
    if not isinstance(asked, str) or not isinstance(answer, str):
        return row
    pieces = _TURN.split(asked)
    if len(pieces) > 1 and not pieces[0].strip():
        said = [
            {"role": {"Human": "user"}.get(who, "assistant"), "content": words}
            for who, words in zip(pieces[1::2], pieces[2::2], strict=True)
        ]
        last = said.pop() if said[-1]["role"] == "assistant" and not said[-1]["content"].strip() else None
        return {"messages": [*said, {"role": "assistant", "content": answer}] if last else []}
    given = row.get("input")
    question = "\n".join(part for part in (asked, given) if isinstance(part, str) and part.strip())
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
