"""Quilt-1M: pictures of histology from teaching videos and elsewhere, with what was said about them."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import Folder, first_folder
from doctorsun.data.streams import columns_of, csv_rows
from doctorsun.data.visual import Pictures, illustrated

TABLES = ("quilt_1M_lookup.csv", "quilt_1m_lookup.csv")
COLUMNS = ("image_path", "caption")
FOLDERS = ("images", "quilt_1m", *(f"images_part_{at}" for at in range(1, 5)))
SPLITS: dict[str, Split] = {"val": "validation", "valid": "validation", "test": "test"}
CARD = Card(
    name="quilt_1m",
    title="Quilt-1M",
    licence="unknown",
    url="https://quilt1m.github.io",
    languages=("en",),
    citation=(
        "Ikezogwo WO, Seyfioglu MS, Ghezloo F, and others. Quilt-1M: One million image-text pairs for "
        "histopathology. NeurIPS 2023."
    ),
    obtain=(
        "Ask for access at zenodo.org/records/8239942; put quilt_1M_lookup.csv and the unpacked pictures "
        "(images/ or images_part_N/) into one folder."
    ),
    obtain_zh=(
        "在 zenodo.org/records/8239942 申请访问；把 quilt_1M_lookup.csv 和解压后的图像（images/ 或 "
        "images_part_N/）放入同一个文件夹。"
    ),
    size="1,017,712 captions on about 650,000 pictures",
    notes=(
        "Access is given for research only, without commercial or clinical use and without redistribution, "
        "so the licence is 'unknown' here. The group is the video where a picture's name tells it, else the "
        "picture. Captions are spoken words that a program wrote down and a language model mended."
    ),
    patient_groups=False,
)


def find(root: Path) -> Path | None:
    """The folder that holds the table of captions."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place, rows = folder / "quilt", []
    for number in range(8):
        name = f"inventedvid{number // 3}_image_{number // 2:04d}.jpg"
        split = "val" if number // 3 == 2 else "train"
        rows.append([number, f"Invented caption {number}: a bright blot.", name, "quilt", split, "Skin"])
        put_picture(place / "images" / name)
    put_table(place / TABLES[0], ["", "caption", "image_path", "subset", "split", "pathology"], rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a caption; a picture with several captions comes several times, in one group."""
    table = next(place / name for name in TABLES if (place / name).is_file())
    pictures = Pictures(place, *FOLDERS, *(f"{name}/quilt_1m" for name in FOLDERS), search=False)
    for at, row in enumerate(csv_rows(table, COLUMNS)):
        name = row["image_path"]
        if not name or not row["caption"]:
            counts.drop("data.bad_row", f"{table.name}/{at}")
            continue
        stem = Path(name).stem
        record = Record(
            id=f"{stem}-{at}",
            texts=(Text(row["caption"], lang="en", task="caption", key="caption"),),
            modality="histology",
            group=stem.rpartition("_image_")[0] or stem,
            split=SPLITS.get(row.get("split", "").lower()),
        )
        yield from illustrated(record, (name,), pictures, counts)


def _fits(folder: Folder) -> bool:
    return any(
        name in folder.files and set(COLUMNS) <= set(columns_of(folder.path / name)) for name in TABLES
    )
