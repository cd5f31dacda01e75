"""ALLaVA-4V: captions, questions and answers about LAION and VFLAN pictures, and text; general."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.named_files import find_named, named_records
from doctorsun.data.miniature import put_picture, put_text

FOLDERS = ("allava_laion", "allava_vflan", "allava_text")
FILES = (
    "ALLaVA-Caption-LAION-4V.json",
    "ALLaVA-Instruct-LAION-4V.json",
    "ALLaVA-Caption-VFLAN-4V.json",
    "ALLaVA-Instruct-VFLAN-4V.json",
    "Evol-Instruct-GPT4-Turbo-143K.json",
    "ALLaVA-Caption-LAION-4V_Chinese.json",
    "ALLaVA-Instruct-LAION-4V_Chinese.json",
    "ALLaVA-Caption-VFLAN-4V_Chinese.json",
    "ALLaVA-Instruct-VFLAN-4V_Chinese.json",
    "Evol-Instruct-GPT4-Turbo-143K_Chinese.json",
)
CARD = Card(
    name="allava",
    title="ALLaVA-4V",
    licence="Apache-2.0",
    url="https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V",
    languages=("zh", "en"),
    citation=(
        "Chen GH, Chen S, Zhang R, et al. ALLaVA: harnessing GPT4V-synthesized data for lite vision-language "
        "models. arXiv 2402.11684, 2024."
    ),
    obtain=(
        "Clone the data set (and ALLaVA-4V-Chinese for zh); unpack allava_laion/image_chunks/*.zip into "
        "allava_laion/images and the pictures of VFLAN into allava_vflan/images."
    ),
    obtain_zh=(
        "克隆该数据集（中文另取 ALLaVA-4V-Chinese）；把 allava_laion/image_chunks/*.zip 解压到 "
        "allava_laion/images，把 VFLAN 图像解压到 allava_vflan/images。"
    ),
    size="about 1.4M rows in each language, 3 GB of JSON; pictures apart",
    general=True,
    patient_groups=False,
    notes="Written by GPT-4V (origin synthetic): OpenAI's terms apply too. The Chinese is a translation.",
)


def find(root: Path) -> Path | None:
    """The folder that holds allava_laion, allava_vflan or allava_text, or one of their files."""
    return find_named(root, FILES, inner=FOLDERS)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "ALLaVA-4V"
    for file, zh in ((FILES[1], False), (FILES[6], True)):
        rows = []
        for at in range(3):
            name = f"allava_laion/images/{700000 + at + 3 * zh}.jpeg"
            put_picture(place / name)
            asked = f"虚构图像{at}中有什么？" if zh else f"What is in picture {at}?"
            answer = f"虚构的亮斑{at}。" if zh else f"An invented blot {at}."
            turns = [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": answer}]
            row = {"id": f"allava_{at}{zh:d}", "image": name, "conversations": turns}
            rows.append({**row, "url": "https://example.org/picture"})
        put_text(place / "allava_laion" / file, json.dumps(rows, ensure_ascii=False))


def records(place: Path, counts: Counts, *, images: str = "") -> Iterator[Record]:
    """One record a row."""
    yield from named_records(place, FILES, counts, images=images, lang="auto")
