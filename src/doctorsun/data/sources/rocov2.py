"""ROCOv2: radiology figures of PubMed Central with captions, checked concepts and the licence of each."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.schema import Card, Fact, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.licences import UNKNOWN
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.papers import licence_of, paper_of
from doctorsun.data.reading import Folder, first_folder
from doctorsun.data.streams import columns_of, csv_rows
from doctorsun.data.visual import Pictures, illustrated

PARTS: dict[str, Split | None] = {"train": None, "valid": "validation", "test": "test"}
LICENCES = "license_information.csv"
# The concepts that people checked (*_concepts_manual.csv): how the picture was made, of what, and from where.
MODALITIES = {"C0040405": "ct", "C0024485": "mri", "C0041618": "ultrasound", "C1306645": "xray"}
REGIONS = {"C0817096": "chest", "C0000726": "abdomen", "C0006141": "breast", "C0037303": "head"}
CARD = Card(
    name="rocov2",
    title="ROCOv2: Radiology Objects in Context, version 2",
    licence="CC-BY-NC-SA-4.0",
    url="https://zenodo.org/records/10821435",
    languages=("en",),
    test_rows="some",
    citation=(
        "Rückert J, Bloch L, Brüngel R, and others. ROCOv2: Radiology Objects in COntext version 2, an "
        "updated multimodal image dataset. Scientific Data 11:688, 2024."
    ),
    obtain=(
        "Download the tables and train_images.zip, valid_images.zip and test_images.zip into one folder and "
        "unpack the archives there."
    ),
    obtain_zh=(
        "把各表格以及 train_images.zip、valid_images.zip、test_images.zip 下载到同一个文件夹并就地解压。"
    ),
    size="79,789 figures with captions, 6.4 GB",
    non_commercial=True,
    notes=(
        f"Each figure has the licence of its paper, which its samples carry where {LICENCES} tells it; else "
        "that of the whole, the strictest. The group is the paper where it is told. Modality and region "
        "come from the concepts that people checked; concepts taken from captions by a program are not "
        "read."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the tables of captions."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place, licences = folder / "ROCOv2", list[list[str]]()
    for part in PARTS:
        names = [f"ROCOv2_2023_{part}_{number:06d}" for number in range(1, 5)]
        put_table(
            place / f"{part}_captions.csv",
            ["ID", "Caption"],
            [[n, f"Invented caption of {n}."] for n in names],
        )
        concepts = [[name, ("C0040405;C0817096", "C1306645")[at % 2]] for at, name in enumerate(names)]
        put_table(place / f"{part}_concepts_manual.csv", ["ID", "CUIs"], concepts)
        for at, name in enumerate(names):
            put_picture(place / part / f"{name}.jpg")
            said = ("CC BY [Invented et al. (2023)]", "CC BY-NC [Invented et al. (2022)]")[at % 2]
            link = f"https://www.ncbi.nlm.nih.gov/pmc/articles/PMC{900000 + len(licences) // 2}/"
            licences.append([name, said, link])
    put_table(place / LICENCES, ["ID", "Attribution", "Link"], licences)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a figure: its caption, its modality and its region."""
    papers = _papers(place / LICENCES)
    for part, split in PARTS.items():
        table = place / f"{part}_captions.csv"
        if not table.is_file():
            continue
        pictures = Pictures(
            place, part, f"{part}_images", f"{part}/{part}", f"{part}_images/{part}", search=False
        )
        concepts = _concepts(place / f"{part}_concepts_manual.csv")
        for at, row in enumerate(csv_rows(table, ("ID", "Caption"))):
            name = row["ID"]
            if not name:
                counts.drop("data.bad_row", f"{table.name}/{at}")
                continue
            licence, paper = papers.get(name, (None, None))
            modality, region = (_one(concepts.get(name, ""), known) for known in (MODALITIES, REGIONS))
            record = Record(
                id=name,
                facts=_facts(modality, region),
                texts=(Text(row["Caption"], lang="en", task="caption", key="caption"),),
                modality=modality,
                anatomy=region,
                group=paper or name,
                licence=licence,
                split=split,
            )
            yield from illustrated(record, (name,), pictures, counts)


def _facts(modality: str | None, region: str | None) -> tuple[Fact, ...]:
    known = {"modality": modality, "region": region}
    return tuple(Fact(name, value=json.dumps(value)) for name, value in known.items() if value)


def _one(concepts: str, known: Mapping[str, str]) -> str | None:
    said = {known[concept] for concept in concepts.replace(",", ";").split(";") if concept in known}
    return said.pop() if len(said) == 1 else None


def _concepts(path: Path) -> Mapping[str, str]:
    rows = csv_rows(path, ("ID", "CUIs")) if path.is_file() else ()
    return {row["ID"]: row["CUIs"] for row in rows}


def _papers(path: Path) -> Mapping[str, tuple[str | None, str | None]]:
    """The licence (null where it is not told) and the paper of each figure."""
    found = {}
    for row in csv_rows(path, ("ID",)) if path.is_file() else ():
        said = row.get("License") or row.get("Attribution", "").partition("[")[0]
        licence = licence_of(said)
        paper = paper_of(" ".join(row.values()))
        found[row["ID"]] = (None if licence == UNKNOWN else licence, paper)
    return found


def _fits(folder: Folder) -> bool:
    tables = [f"{part}_captions.csv" for part in PARTS if f"{part}_captions.csv" in folder.files]
    return any({"ID", "Caption"} <= set(columns_of(folder.path / name)) for name in tables)
