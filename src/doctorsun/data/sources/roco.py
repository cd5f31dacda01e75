"""ROCO: figures of PubMed Central with their captions, each under the licence of its paper."""

from collections.abc import Iterator, Mapping
from os.path import commonpath
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.papers import licence_of, paper_of
from doctorsun.data.reading import Folder, folders
from doctorsun.data.streams import csv_rows, split_rows
from doctorsun.data.visual import Pictures, illustrated

CAPTIONS, LICENCES, CONCEPTS = "captions.txt", "licences.txt", "cuis.txt"
SPLITS: dict[str, Split | None] = {"train": None, "validation": "validation", "test": "test"}
# Concepts of the UMLS that name how a picture was made.
MODALITIES = {
    "C0040405": "ct",
    "C0024485": "mri",
    "C0041618": "ultrasound",
    "C1306645": "xray",
    "C0043299": "xray",
}
CARD = Card(
    name="roco",
    title="ROCO: Radiology Objects in Context",
    licence="unknown",
    url="https://github.com/razorx89/roco-dataset",
    languages=("en",),
    test_rows="some",
    citation=(
        "Pelka O, Koitka S, Rückert J, Nensa F, Friedrich CM. Radiology Objects in COntext (ROCO): A "
        "multimodal image dataset. LABELS/CVII-STENT 2018."
    ),
    obtain=(
        "Clone the repository and fetch the figures with its script scripts/fetch.py; they lie in images/ "
        "beside each captions.txt."
    ),
    obtain_zh="克隆该仓库，用其脚本 scripts/fetch.py 获取图像；图像位于每个 captions.txt 旁的 images/。",
    size="81,825 radiology and 6,127 other figures with captions",
    notes=(
        "Each figure has the licence of its paper (licences.txt), which its samples carry; 'unknown' where "
        "it has no Creative Commons code. The group is the paper. Keywords and concepts were taken from the "
        "captions by a program, so they add nothing but the modality."
    ),
)


def find(root: Path) -> Path | None:
    """The deepest folder that holds all files of captions."""
    found = [at.path for at in folders(root) if _fits(at)]
    return Path(commonpath(found)) if found else None


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    number = 90000
    for split in SPLITS:
        for kind in ("radiology", "non-radiology"):
            place = folder / "roco-dataset" / "data" / split / kind
            names = [f"ROCO_{number + at}" for at in range(3)]
            number += 10
            captions = "".join(f"{name}\t Invented caption of figure {name}.\n" for name in names)
            put_text(place / CAPTIONS, captions)
            put_text(place / CONCEPTS, "".join(f"{name}\t\tC0040405\tC0000001\n" for name in names))
            papers = [f"PMC{number + at // 2}_invented-{at}.jpg" for at in range(3)]
            codes = ("CC BY", "CC BY-NC", "NO-CC CODE")
            put_table(
                place / LICENCES, ["ROCO_ID", "PMC_ID", "CC"], list(zip(names, papers, codes, strict=True))
            )
            for name in names:
                put_picture(place / "images" / f"{name}.jpg")


def records(place: Path, counts: Counts, *, non_radiology: bool = True) -> Iterator[Record]:
    """One record a figure; `non_radiology` says whether figures that no radiologist reads are used too."""
    for at in folders(place):
        if _fits(at) and (non_radiology or not at.path.name.startswith("non")):
            yield from _of_folder(at.path, counts)


def _of_folder(place: Path, counts: Counts) -> Iterator[Record]:
    split = next((split for name, split in SPLITS.items() if name in place.parts[-3:]), None)
    rows = csv_rows(place / LICENCES, ("ROCO_ID", "PMC_ID", "CC")) if (place / LICENCES).is_file() else ()
    papers = {row["ROCO_ID"]: (row["PMC_ID"], row["CC"]) for row in rows}
    modalities = _modalities(place / CONCEPTS)
    pictures = Pictures(place, "images", search=False)
    for at, row in enumerate(split_rows(place / CAPTIONS, ("name", "caption"), mark="\t")):
        if row is None or not row["name"]:
            counts.drop("data.bad_row", f"{place.parent.name}/{place.name}/{at}")
            continue
        name = row["name"]
        figure, code = papers.get(name, ("", ""))
        record = Record(
            id=name,
            texts=(Text(row["caption"], lang="en", task="caption", key="caption"),),
            modality=modalities.get(name),
            group=paper_of(figure) or name,
            licence=licence_of(code),
            split=split,
        )
        yield from illustrated(record, (name,), pictures, counts)


def _modalities(path: Path) -> Mapping[str, str]:
    """The modality of each figure whose concepts name just one."""
    found = {}
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            for name, *concepts in (line.split() for line in file if line.strip()):
                said = {MODALITIES[concept] for concept in concepts if concept in MODALITIES}
                if len(said) == 1:
                    found[name] = said.pop()
    return found


def _fits(folder: Folder) -> bool:
    if CAPTIONS not in folder.files:
        return False
    try:
        with (folder.path / CAPTIONS).open("rb") as file:
            return file.read(5) == b"ROCO_"
    except OSError:
        return False
