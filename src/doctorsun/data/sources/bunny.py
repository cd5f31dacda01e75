"""Bunny-695K: SVIT-mix and plain instructions, the fine-tuning set of the Bunny models; general."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.named_files import find_named, named_records
from doctorsun.data.miniature import put_picture, put_text

FILES = ("bunny_695k.json",)
CARD = Card(
    name="bunny",
    title="Bunny-695K",
    licence="Apache-2.0",
    url="https://huggingface.co/datasets/BoyaWu10/Bunny-v1_0-data",
    languages=("en",),
    citation=(
        "He M, Liu Y, Wu B, et al. Efficient multimodal learning from data-centric perspective. "
        "arXiv 2402.11530, 2024."
    ),
    obtain=(
        "Download finetune/bunny_695k.json and finetune/images.tar.gz.part-* from the address above; join "
        "and unpack the parts beside the JSON: cat images.tar.gz.part-* | tar xz"
    ),
    obtain_zh=(
        "从上面的网址下载 finetune/bunny_695k.json 和 finetune/images.tar.gz.part-*；在 JSON 旁合并并解压："
        "cat images.tar.gz.part-* | tar xz"
    ),
    size="695k rows, 831 MB; pictures 39 GB packed",
    general=True,
    patient_groups=False,
    notes=(
        "Part of it was written by GPT-4 (origin synthetic): OpenAI's terms apply too. The pictures (COCO, "
        "Visual Genome, GQA, OCR-VQA, TextVQA) have licences of their own."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the JSON."""
    return find_named(root, FILES)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "bunny" / "finetune"
    rows: list[dict[str, object]] = []
    for at in range(4):
        name = f"vg/VG_100K/{at}.jpg"
        put_picture(place / "images" / name)
        turns = [
            {"from": "human", "value": f"<image>\nWhat colour has blot {at}?"},
            {"from": "gpt", "value": f"An invented colour, number {at}."},
        ]
        rows.append({"id": f"vg-{at}", "image": name, "conversations": turns})
    for at in range(2):
        turns = [
            {"from": "human", "value": f"Name invented thing {at}."},
            {"from": "gpt", "value": f"This is thing {at}."},
        ]
        rows.append({"id": f"text-{at}", "conversations": turns})
    put_text(place / FILES[0], json.dumps(rows))


def records(place: Path, counts: Counts, *, images: str = "") -> Iterator[Record]:
    """One record a row."""
    yield from named_records(place, FILES, counts, images=images)
