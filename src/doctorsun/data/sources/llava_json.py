"""Any LLaVA JSON or JSONL: `conversations` of human and gpt, and `image`, a name or a list of names."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations, Options
from doctorsun.data.formats.files import files_in, read_each, split_told
from doctorsun.data.formats.json_rows import JSON_ENDINGS, json_rows
from doctorsun.data.formats.rows import LEAVE
from doctorsun.data.miniature import put_picture, put_text

__all__ = ["CARD", "READER", "Options", "example", "find", "records"]

READER = True
CARD = Card(
    name="llava_json",
    title="LLaVA JSON / JSONL",
    licence="unknown",
    url="https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md",
    languages=("zh", "en"),
    citation="Liu H, Li C, Wu Q, Lee YJ. Visual instruction tuning. NeurIPS 2023.",
    obtain="Your own files: name this reader, their folder (path) and their licence in the recipe.",
    obtain_zh="读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）。",
    patient_groups=False,
    notes=(
        "Options: `file`, a pattern such as sub/*.json; `images`, the folder that names start from; `lang` "
        "auto, zh or en; `group`, the key of a row that names its patient; `origin` of the answers."
    ),
)


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write invented files."""
    rows = []
    for at in range(6):
        name = f"case-{at // 2}.jpg"
        put_picture(folder / "images" / name)
        zh = at % 2 == 0
        question = f"虚构图像{at}中有什么？" if zh else f"What shape has blot {at}?"
        turns = [
            {"from": "human", "value": f"{question}\n<image>" if zh else f"<image>\n{question}"},
            {"from": "gpt", "value": f"虚构的亮斑{at}。" if zh else f"An invented blot {at}."},
        ]
        rows.append({"id": f"row-{at}", "image": name, "conversations": turns})
    put_text(folder / "train.json", json.dumps(rows, ensure_ascii=False, indent=1))


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a row: its pictures and its whole conversation."""
    said = Options(**options)
    talks = Conversations.of(place, said, counts)

    def read(path: Path) -> Iterator[Record]:
        return talks.records(json_rows(path, counts), split=split_told(path, place))

    yield from read_each(files_in(place, said.file, JSON_ENDINGS, leave=LEAVE), read, counts)
