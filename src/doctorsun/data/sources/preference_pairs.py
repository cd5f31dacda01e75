"""Preference pairs of any common layout: one question, a better and a worse answer, images or none."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations, Options
from doctorsun.data.formats.files import files_in, read_each, split_told
from doctorsun.data.formats.layout import Layout, first_of
from doctorsun.data.formats.rows import LEAVE, ROW_ENDINGS, rows_of
from doctorsun.data.miniature import put_picture, put_text

__all__ = ["CARD", "READER", "Options", "example", "find", "records"]

READER = True
CARD = Card(
    name="preference_pairs",
    title="Preference pairs (TRL, LLaMA-Factory, ms-swift)",
    licence="unknown",
    url="https://huggingface.co/docs/trl/dataset_formats#preference",
    languages=("zh", "en"),
    citation=(
        "Rafailov R, Sharma A, Mitchell E, et al. Direct preference optimization: your language model is "
        "secretly a reward model. NeurIPS 2023."
    ),
    obtain="Your own files: name this reader, their folder (path) and their licence in the recipe.",
    obtain_zh="读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）。",
    patient_groups=False,
    notes=(
        "JSON, JSONL or Parquet with `chosen` and `rejected` beside `prompt`, `conversations`, `messages` or "
        "`instruction` (texts or turns, the prompt apart or in both), or `messages` with "
        "`rejected_response`; `images` as in other conversations. A row without a worse answer is left out "
        "and counted. Options: `file`, `images`, `lang`, `group`, `origin`."
    ),
)


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write invented files, one of each layout."""
    factory, trl = [], []
    for at in range(3):
        put_picture(folder / "images" / f"{at}.png")
        asked = {"from": "human", "value": f"<image>\n虚构图像{at}中有什么？"}
        answers = {"chosen": f"一个虚构的亮斑，编号{at}。", "rejected": "看不出来，也许没有什么。"}
        factory.append(
            {
                "conversations": [asked],
                **{name: {"from": "gpt", "value": said} for name, said in answers.items()},
                "images": [f"images/{at}.png"],
            }
        )
        trl.append(
            {
                "prompt": [{"role": "user", "content": [{"type": "image"}, _asked(at)]}],
                "chosen": [{"role": "assistant", "content": f"It is an invented blot, number {at}."}],
                "rejected": [{"role": "assistant", "content": "It is whatever one likes to see."}],
                "images": [f"images/{at}.png"],
            }
        )
    put_text(folder / "factory.json", json.dumps(factory, ensure_ascii=False))
    put_text(folder / "trl.jsonl", "\n".join(map(json.dumps, trl)))


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a pair: its pictures, its talk to the better answer, and the worse one."""
    said = Options(**options)
    talks = Conversations.of(place, said, counts)

    def read(path: Path) -> Iterator[Record]:
        return talks.records(_with_worse(path, counts), split=split_told(path, place))

    yield from read_each(files_in(place, said.file, ROW_ENDINGS, leave=LEAVE), read, counts)


def _with_worse(path: Path, counts: Counts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows that have a worse answer."""
    for where, row in rows_of(path, counts):
        if first_of(row, Layout().rejected) is None:
            counts.drop("data.no_pair", where)
        else:
            yield where, row


def _asked(at: int) -> dict[str, str]:
    return {"type": "text", "text": f"What is shown in the invented picture {at}?"}
