"""General instructions in English and Chinese under a free licence (the demo files of LLaMA-Factory)."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Lang, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder, read_json_rows
from doctorsun.data.talk import instruction_records

FILES: dict[Lang, str] = {"en": "alpaca_en_demo.json", "zh": "alpaca_zh_demo.json"}
CARD = Card(
    name="alpaca_general",
    title="General instructions, English and Chinese (LLaMA-Factory demo)",
    licence="Apache-2.0",
    url="https://github.com/hiyouga/LLaMA-Factory",
    languages=("zh", "en"),
    citation="Zheng Y et al. LlamaFactory: Unified efficient fine-tuning of 100+ language models. ACL 2024.",
    obtain="Take data/alpaca_en_demo.json and data/alpaca_zh_demo.json from the repository.",
    obtain_zh="从仓库取 data/alpaca_en_demo.json 与 data/alpaca_zh_demo.json。",
    size="1,000 instructions in each language",
    general=True,
    notes="Answers written by a language model: origin synthetic.",
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return first_folder(root, lambda at: bool(set(FILES.values()) & set(at.files)))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    words = {"en": ("Name invented thing {}.", "It is thing {}."), "zh": ("说出虚构之物{}。", "它是{}号。")}
    for lang, file in FILES.items():
        ask, tell = words[lang]
        rows = [{"instruction": ask.format(at), "input": "", "output": tell.format(at)} for at in range(6)]
        put_text(folder / "general" / "data" / file, json.dumps(rows, ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record an instruction."""
    for lang, name in FILES.items():
        if (place / name).is_file():
            rows = read_json_rows(place / name)
            yield from instruction_records(rows, counts, name=lang, lang=lang, origin="synthetic")
