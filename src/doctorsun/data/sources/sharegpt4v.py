"""ShareGPT4V: long captions of COCO, SAM, LLaVA and web pictures; general."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.named_files import find_named, named_records
from doctorsun.data.miniature import put_picture, put_text

FILES = ("sharegpt4v_instruct_gpt4-vision_cap100k.json", "share-captioner_coco_lcs_sam_1246k_1107.json")
CARD = Card(
    name="sharegpt4v",
    title="ShareGPT4V",
    licence="CC-BY-NC-4.0",
    url="https://huggingface.co/datasets/Lin-Chen/ShareGPT4V",
    languages=("en",),
    citation=(
        "Chen L, Li J, Dong X, et al. ShareGPT4V: improving large multi-modal models with better captions. "
        "ECCV 2024. arXiv 2311.12793."
    ),
    obtain=(
        f"Download {FILES[0]} from the address above; put its pictures beside it as coco/train2017, "
        "sam/images, llava/llava_pretrain/images, web-celebrity/images, wikiart/images and so on."
    ),
    obtain_zh=(
        f"从上面的网址下载 {FILES[0]}；图像放在同一文件夹下的 coco/train2017、sam/images、"
        "llava/llava_pretrain/images、web-celebrity/images、wikiart/images 等目录。"
    ),
    size="102k rows, 134 MB (with ShareCaptioner 1.3M rows, 1.6 GB); pictures by their own sets",
    non_commercial=True,
    general=True,
    patient_groups=False,
    notes="Captions by GPT-4V, those of the second file by a model trained on them (origin synthetic).",
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return find_named(root, FILES)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "share4v"
    rows = []
    for at in range(5):
        name = ("coco/train2017", "sam/images")[at % 2] + f"/sa_{at}.jpg"
        put_picture(place / name)
        turns = [
            {"from": "human", "value": f"Describe all of picture {at}.\n<image>"},
            {"from": "gpt", "value": f"The picture shows an invented blot, number {at}, on a slope."},
        ]
        rows.append({"id": f"row{at}", "image": name, "conversations": turns})
    put_text(place / FILES[0], json.dumps(rows))


def records(place: Path, counts: Counts, *, images: str = "") -> Iterator[Record]:
    """One record a caption."""
    yield from named_records(place, FILES, counts, images=images)
