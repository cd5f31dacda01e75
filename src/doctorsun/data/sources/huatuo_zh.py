"""Huatuo (BenTsao): Chinese medical instructions and talks about liver cancer."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder, read_json_rows
from doctorsun.data.talk import dialogue_record, instruction_records

INSTRUCTIONS, TALKS = "llama_data.json", "liver_cancer.json"
CARD = Card(
    name="huatuo_zh",
    title="Huatuo-Llama-Med-Chinese (BenTsao)",
    licence="Apache-2.0",
    url="https://github.com/SCIR-HI/Huatuo-Llama-Med-Chinese",
    languages=("zh",),
    citation=(
        "Wang H, Liu C, Xi N, Qiang Z, Zhao S, Qin B, Liu T. HuaTuo: Tuning LLaMA model with Chinese medical "
        "knowledge. arXiv 2304.06975, 2023."
    ),
    obtain=f"Clone the repository; data/{INSTRUCTIONS} and data-literature/{TALKS} are read.",
    obtain_zh=f"克隆仓库；读取 data/{INSTRUCTIONS} 与 data-literature/{TALKS}。",
    size="8,658 instructions and 1,000 talks",
    notes="Written by GPT-3.5 from a knowledge graph and from papers: origin synthetic.",
)


def find(root: Path) -> Path | None:
    """The folder that holds `data/` or `data-literature/`."""
    return first_folder(
        root,
        lambda at: any(
            (at.path / part).is_file() for part in (f"data/{INSTRUCTIONS}", f"data-literature/{TALKS}")
        ),
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    rows = [{"instruction": f"虚构问题{at}？", "input": "", "output": f"虚构回答{at}。"} for at in range(6)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    put_text(folder / "huatuo" / "data" / INSTRUCTIONS, lines)
    talk = {
        "instruction": " <user>: 虚构甲？ <bot>: 虚构乙。 <user>: 虚构丙？",
        "output": "虚构丁。",
        "input": "",
    }
    put_text(folder / "huatuo" / "data-literature" / TALKS, json.dumps([talk], ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record an instruction or a talk."""
    file = place / "data" / INSTRUCTIONS
    if file.is_file():
        rows = read_json_rows(file)
        yield from instruction_records(rows, counts, name="llama", lang="zh", origin="synthetic")
    file = place / "data-literature" / TALKS
    for at, row in enumerate(read_json_rows(file) if file.is_file() else []):
        key = f"liver-{at}"
        words = (row or {}).get("instruction"), (row or {}).get("output")
        if not isinstance(words[0], str) or not isinstance(words[1], str):
            counts.drop("data.bad_row", key)
            continue
        record = dialogue_record(key, words[0], words[1], lang="zh", origin="synthetic")
        if record is None:
            counts.drop("data.bad_turns", key)
            continue
        yield record
