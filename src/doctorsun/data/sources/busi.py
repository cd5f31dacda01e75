"""BUSI: breast ultrasound in folders benign, malignant and normal."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import first_folder, is_mask, pictures_in, read_picture, subfolder

CLASSES = ("benign", "malignant", "normal")
CARD = Card(
    name="busi",
    title="Breast Ultrasound Images (BUSI)",
    licence="unknown",
    url="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    languages=("en",),
    citation=(
        "Al-Dhabyani W, Gomaa M, Khaled H, Fahmy A. Dataset of breast ultrasound images. Data in Brief "
        "28:104863, 2020."
    ),
    obtain="Download Dataset_BUSI_with_GT and unpack it; folders benign, malignant and normal are read.",
    patient_groups=False,
    notes=(
        "The article is CC BY 4.0, the data's own licence is not stated everywhere: 'unknown' here. "
        "There are no patient ids, so a split by picture is optimistic. Masks and machine-made captions "
        "are not read."
    ),
    obtain_zh="下载 Dataset_BUSI_with_GT 并解压；读取 benign、malignant、normal 三个文件夹。",
    size="780 pictures of 600 women",
)


def find(root: Path) -> Path | None:
    """The folder that holds the three class folders."""
    return first_folder(root, lambda at: set(CLASSES) <= {name.lower() for name in at.folders})


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "Dataset_BUSI_with_GT"
    for name in CLASSES:
        for number in range(1, 5):
            put_picture(place / name / f"{name} ({number}).png")
            put_picture(place / name / f"{name} ({number})_mask.png")
    put_table(place / "all_captions.csv", ["image_path", "text_caption", "label"], [])


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture: the nature of the lesion, and whether there is a mass."""
    for label in CLASSES:
        folder = subfolder(place, label)
        for path in pictures_in(folder) if folder else []:
            if is_mask(path.stem):
                counts.note("data.mask_left_aside")
                continue
            name = f"{label}/{path.name}"
            key = path.stem if path.stem.lower().startswith(label) else f"{label}/{path.stem}"
            try:
                picture = read_picture(path, name)
            except RecordError as error:
                counts.drop(error.key, name)
                continue
            yield Record(
                id=key,
                images=(picture,),
                facts=(
                    Fact("modality", value=json.dumps("ultrasound")),
                    Fact("region", value=json.dumps("breast")),
                    Fact("breast_lesion", value=json.dumps(label)),
                    Fact("breast_mass", status="absent" if label == "normal" else "present"),
                ),
                modality="ultrasound",
                anatomy="breast",
                group=key,
            )
