"""Brain tumour MRI (Bhuvaji and others): folders Training and Testing with a folder a class."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture
from doctorsun.data.reading import Folder, first_folder, pictures_in, read_picture, subfolder

CLASSES: dict[str, tuple[str, ...]] = {
    "glioma": ("glioma_tumor", "glioma"),
    "meningioma": ("meningioma_tumor", "meningioma"),
    "pituitary_tumor": ("pituitary_tumor", "pituitary"),
    "no_tumor": ("no_tumor", "notumor"),
}
SPLITS: dict[str, Split | None] = {"Training": None, "Testing": "test"}
CARD = Card(
    name="brain_tumor_mri",
    title="Brain Tumor Classification (MRI)",
    licence="unknown",
    url="https://github.com/SartajBhuvaji/Brain-Tumor-Classification-DataSet",
    languages=("en",),
    test_rows="some",
    citation=(
        "Bhuvaji S, Kadam A, Bhumkar P, Dedge S, Kanchan S. Brain Tumor Classification (MRI). Kaggle, 2020. "
        "doi:10.34740/KAGGLE/DSV/1183165"
    ),
    obtain="Clone the repository; folders Training and Testing are both read.",
    patient_groups=False,
    notes=(
        "No licence file. No patient ids, and many slices of the same patient look nearly alike, so a split "
        "inside Training is optimistic; rows of Testing are test in any case."
    ),
    obtain_zh="克隆该仓库；Training 和 Testing 两个文件夹都会读取。",
    size="3,264 slices (2,870 training, 394 testing)",
)


def find(root: Path) -> Path | None:
    """The folder that holds Training or Testing, or the class folders themselves."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for split, number in (("Training", 6), ("Testing", 3)):
        for names in CLASSES.values():
            for at in range(1, number + 1):
                put_picture(folder / "brain" / split / names[0] / f"image({at}).jpg")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a slice: which tumour, or none."""
    parts = [(name, subfolder(place, name), split) for name, split in SPLITS.items()]
    if not any(folder for _, folder, _ in parts):
        part = "Testing" if place.resolve().name.lower() == "testing" else "Training"
        parts = [(part, place, SPLITS[part])]
    for part, folder, split in parts:
        for label, names in CLASSES.items():
            for path in _slices(folder, names):
                name = f"{part}/{label}/{path.stem}"
                try:
                    picture = read_picture(path, f"{part}/{label}/{path.name}")
                except RecordError as error:
                    counts.drop(error.key, name)
                    continue
                yield Record(
                    id=name,
                    images=(picture,),
                    facts=(
                        Fact("modality", value=json.dumps("mri")),
                        Fact("region", value=json.dumps("head")),
                        Fact("brain_tumor", value=json.dumps(label)),
                    ),
                    modality="mri",
                    anatomy="head",
                    group=name,
                    split=split,
                )


def _fits(folder: Folder) -> bool:
    return _has_classes(folder.folders) or any(
        _has_classes(_names(folder.path / name)) for name in folder.folders if name.title() in SPLITS
    )


def _has_classes(names: tuple[str, ...]) -> bool:
    lower = {name.lower() for name in names}
    return sum(bool(lower & set(known)) for known in CLASSES.values()) >= 2


def _names(path: Path) -> tuple[str, ...]:
    return tuple(entry.name for entry in path.iterdir() if entry.is_dir())


def _slices(folder: Path | None, names: tuple[str, ...]) -> list[Path]:
    inner = subfolder(folder, *names) if folder else None
    return pictures_in(inner) if inner else []
