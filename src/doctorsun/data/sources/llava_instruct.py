"""LLaVA-Instruct-150K: conversations, descriptions and reasoning about COCO pictures; general."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.named_files import find_named, named_records
from doctorsun.data.miniature import put_picture, put_text

WHOLE = "llava_instruct_150k.json"
PARTS = ("conversation_58k.json", "detail_23k.json", "complex_reasoning_77k.json")
CARD = Card(
    name="llava_instruct",
    title="LLaVA-Instruct-150K",
    licence="CC-BY-4.0",
    url="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
    languages=("en",),
    citation="Liu H, Li C, Wu Q, Lee YJ. Visual instruction tuning. NeurIPS 2023. arXiv 2304.08485.",
    obtain=(
        f"Download {WHOLE} from the address above and train2017.zip from cocodataset.org; unpack train2017 "
        "beside it (or name its folder: options.images)."
    ),
    obtain_zh=(
        f"从上面的网址下载 {WHOLE}，从 cocodataset.org 下载 train2017.zip；把 train2017 解压到同一文件夹"
        "（或用 options.images 指明其位置）。"
    ),
    size="158k rows, 229 MB; COCO train2017: 118k pictures, 18 GB",
    general=True,
    patient_groups=False,
    notes=(
        "Answers were written by GPT-4 from captions and boxes (origin synthetic): OpenAI's terms apply too. "
        "Pictures of COCO have licences of their own on Flickr."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the JSON."""
    return find_named(root, (WHOLE, *PARTS))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "llava"
    rows = []
    for at in range(6):
        name = f"{900000 + at // 2:012d}.jpg"
        put_picture(place / "train2017" / name)
        mark = f"<image>\nWhat is blot {at} like?" if at % 2 else f"What is blot {at} like?\n<image>"
        turns = [
            {"from": "human", "value": mark},
            {"from": "gpt", "value": f"It is an invented blot, number {at}."},
            {"from": "human", "value": f"How bright is blot {at}?"},
            {"from": "gpt", "value": f"Blot {at} is fairly bright."},
        ]
        rows.append({"id": name.partition(".")[0], "image": name, "conversations": turns})
    put_text(place / WHOLE, json.dumps(rows))


def records(place: Path, counts: Counts, *, images: str = "") -> Iterator[Record]:
    """One record a row; the parts are read where the whole file is absent."""
    names = (WHOLE,) if (place / WHOLE).is_file() else PARTS
    yield from named_records(place, names, counts, images=images)
