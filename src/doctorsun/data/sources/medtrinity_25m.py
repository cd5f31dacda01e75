"""MedTrinity-25M: pictures of ninety other data sets with captions that a vision-language model wrote."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Card, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import Row, json_rows
from doctorsun.data.miniature import put_picture, put_text, tiny_picture
from doctorsun.data.reading import Folder, first_folder, folders
from doctorsun.data.streams import parquet_columns, parquet_rows
from doctorsun.data.visual import Pictures, embedded, illustrated, words

# A picture's file is named by the first of these that a row has; its words by the first of those.
NAMES, CAPTIONS = ("image", "file_name", "image_path", "id"), ("caption", "text")
FOLDERS = ("images", "25M_accessible", "25M_full")
CARD = Card(
    name="medtrinity_25m",
    title="MedTrinity-25M",
    licence="unknown",
    url="https://huggingface.co/datasets/UCSC-VLAA/MedTrinity-25M",
    languages=("en",),
    citation=(
        "Xie Y, Zhou C, Gao L, and others. MedTrinity-25M: A large-scale multimodal dataset with "
        "multigranular annotations for medicine. ICLR 2025."
    ),
    obtain=(
        "Ask for access on the page; download 25M_demo (Parquet with the pictures) or 25M_full with the "
        "shards of pictures into a folder named after the set, and unpack the shards into images/."
    ),
    obtain_zh=(
        "在该页面申请访问；把 25M_demo（含图像的 Parquet）或 25M_full 及其图像分片下载到以数据集命名的文件"
        "夹，分片解压到 images/。"
    ),
    size="25,016,845 pictures with captions; 161,630 in the demo",
    patient_groups=False,
    notes=(
        "Captions were written by a model from the labels and regions of other data sets: origin synthetic. "
        "Each of those sets has its own licence, which the rows do not tell: 'unknown' here. Among them are "
        "pictures that benchmarks test on, so audit what is built with it. No patient is told: the picture "
        "is the group."
    ),
)


def find(root: Path) -> Path | None:
    """The folder named after the set, or after its parts, with a table of captions in it or below it."""
    return first_folder(root, lambda at: _is_named(at.path.name) and any(True for _ in _tables(at.path)))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set: the demo in Parquet and a part in JSON lines."""
    place = folder / "MedTrinity-25M"
    rows = []
    for number in range(5):
        cell = {"bytes": tiny_picture(f"medtrinity-{number}"), "path": None}
        rows.append({"image": cell, "id": f"invented-{number}", "caption": f"Invented caption {number}."})
    file = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    (place / "25M_demo").mkdir(parents=True, exist_ok=True)
    (place / "25M_demo" / "train-00000-of-00001.parquet").write_bytes(file.getvalue())
    lines = ""
    for number in range(5, 8):
        put_picture(place / "images" / f"invented-{number}.jpg")
        lines += f'{{"file_name": "invented-{number}.jpg", "caption": "Invented caption {number}."}}\n'
    put_text(place / "captions.jsonl", lines)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture with its caption."""
    pictures = Pictures(place, *FOLDERS, search=False)
    for path in _tables(place):
        for at, row in _rows(path, counts):
            caption = next((words(row[key]) for key in CAPTIONS if row.get(key)), "")
            name = words(row.get("id")) or next((words(row[key]) for key in NAMES if row.get(key)), "")
            file = next((row[key] for key in NAMES if row.get(key)), None)
            if not caption or not name or file is None:
                counts.drop("data.bad_row", at)
                continue
            stem = str(PurePosixPath(name).with_suffix("")) if "." in name else name
            text = Text(caption, lang="en", task="caption", origin="synthetic", key="caption")
            picture = embedded(file, f"{PurePosixPath(stem).name}.jpg")
            if picture is not None:
                yield Record(id=stem, images=(picture,), texts=(text,), group=stem)
            else:
                yield from illustrated(
                    Record(id=stem, texts=(text,), group=stem), (words(file),), pictures, counts
                )


def _rows(path: Path, counts: Counts) -> Iterator[tuple[str, Row]]:
    if path.suffix == ".jsonl":
        yield from json_rows(path, counts)
        return
    for at, row in enumerate(parquet_rows(path, (), (*NAMES, *CAPTIONS))):
        yield f"{path.name}/{at}", row


def _tables(place: Path) -> Iterator[Path]:
    """The files with captions in a folder and below it."""
    for at in folders(place):
        yield from (at.path / name for name in at.files if _is_table(at, name))


def _is_table(folder: Folder, name: str) -> bool:
    if name.endswith(".jsonl"):
        return True
    return name.endswith(".parquet") and bool(set(CAPTIONS) & set(parquet_columns(folder.path / name)))


def _is_named(name: str) -> bool:
    return bool(re.match(r"medtrinity|25m_(demo|full|accessible)", name.lower().replace("-", "")))
