"""LLaVA-Med: captions of PubMed Central figures as requests, and talks that GPT-4 wrote from the captions."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from doctorsun.core.schema import Card, Origin, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.json_rows import Row, json_rows
from doctorsun.data.formats.layout import Layout
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder
from doctorsun.data.visual import Pictures, lost, shown

ALIGNMENT = "llava_med_alignment_500k.json"
# Talks about the same pictures, written several times; the first that is present is read.
TALKS = (
    "llava_med_instruct_60k_inline_mention.json",
    "llava_med_instruct_60k.json",
    "llava_med_instruct_10k.json",
)
# The key of the turns is misspelt in the published files.
LAYOUT = Layout(messages=("conversations", "conversatons"))
FOLDERS = ("images", "data/images")
DOMAINS = {"chest_xray": "xray", "mri": "mri", "ct_scan": "ct", "histology": "histology"}
CARD = Card(
    name="llava_med",
    title="LLaVA-Med alignment and instruct",
    licence="CC-BY-NC-4.0",
    url="https://github.com/microsoft/LLaVA-Med",
    languages=("en",),
    citation=(
        "Li C, Wong C, Zhang S, and others. LLaVA-Med: Training a large language-and-vision assistant for "
        "biomedicine in one day. NeurIPS 2023 Datasets and Benchmarks."
    ),
    obtain=(
        f"Download {ALIGNMENT} and {TALKS[0]} by the script download_data.sh of the repository, the "
        "pictures by its llava/data/download_images.py into images/ beside them."
    ),
    obtain_zh=(
        f"用该仓库的 download_data.sh 下载 {ALIGNMENT} 和 {TALKS[0]}，"
        "用 llava/data/download_images.py 把图像下载到旁边的 images/。"
    ),
    size="467,710 captions and 56,708 talks",
    non_commercial=True,
    notes=(
        "Talks were written by GPT-4, which saw captions and no pictures: origin synthetic. The figures "
        "themselves are under the licences of their papers. The group is the paper."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return first_folder(root, lambda at: any(name in at.files for name in (ALIGNMENT, *TALKS)))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "LLaVA-Med" / "data"
    captions, talks = [], []
    for number in range(6):
        name = f"9000000{number // 2}_F{number}"
        put_picture(place / "images" / f"{name}.jpg")
        said = [
            {"from": "human", "value": "Describe the invented image.\n<image>"},
            {"from": "gpt", "value": f"Invented caption {number}."},
        ]
        row = {"id": name, "image": f"{name}.jpg", "domain": {"ct_scan": number % 2 == 0, "gross": False}}
        captions.append({**row, "conversatons": said})
        more = [
            {"from": "human", "value": "<image>\nWhat is invented here?"},
            {"from": "gpt", "value": f"A blot {number}."},
            {"from": "human", "value": "Is it bright?"},
            {"from": "gpt", "value": f"It is as bright as {number}."},
        ]
        talks.append({**row, "conversatons": more})
    put_text(place / ALIGNMENT, json.dumps(captions))
    put_text(place / TALKS[0], json.dumps(talks))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a caption or a talk."""
    show = partial(shown, Pictures(place, *FOLDERS, search=False))
    talk = next((name for name in TALKS if (place / name).is_file()), None)
    for name in (ALIGNMENT, talk):
        if name is None or not (place / name).is_file():
            continue
        origin: Origin = "human" if name == ALIGNMENT else "synthetic"
        reader = Conversations(counts, show, lang="en", origin=origin, layout=LAYOUT)
        part = "align" if name == ALIGNMENT else "talk"
        for row_at, row in json_rows(place / name, counts):
            for record in reader.records([(row_at, row)]):
                if record.images:
                    yield _of_paper(record, row, part)
                else:
                    lost(record, "data.image_absent", counts)


def _of_paper(record: Record, row: Row, part: str) -> Record:
    """The record with its paper as its group; what is a caption is called one."""
    texts = record.texts
    if part == "align":
        texts = tuple(replace(text, task="caption", kind=None) for text in texts)
    domain = row.get("domain")
    told = [known for name, known in DOMAINS.items() if isinstance(domain, dict) and domain.get(name)]
    return replace(
        record,
        id=f"{part}/{record.id}",
        texts=texts,
        modality=told[0] if len(told) == 1 else None,
        group=record.id.partition("_")[0],
    )
