"""POCUS: stills of lung ultrasound of COVID-19, of pneumonia and of healthy lungs, each with its licence."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record
from doctorsun.data.counts import Counts
from doctorsun.data.licences import spdx
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import first_folder, is_picture, pictures_in, read_picture, subfolder
from doctorsun.data.streams import csv_rows

FOLDER, TABLE = "pocus_images", "dataset_metadata.csv"
PROBES = ("convex", "linear")
# How the name of a file begins, and what that says.
LABELS = {"cov": "covid_19", "pneu": "bacterial_pneumonia", "vir": "viral_pneumonia", "reg": "no_finding"}
COLUMNS = ("Filename", "License", "Patient ID / Name", "Source ID")
CARD = Card(
    name="pocus",
    title="COVID-19 lung ultrasound (POCUS), stills",
    licence="unknown",
    url="https://github.com/jannisborn/covid19_pocus_ultrasound",
    languages=("en",),
    citation=(
        "Born J, Wiedemann N, Cossio M, and others. Accelerating detection of lung pathologies with "
        "explainable ultrasound image analysis. Applied Sciences 11(2):672, 2021."
    ),
    obtain=f"Clone the repository; data/{FOLDER} and data/{TABLE} are read, videos are not.",
    obtain_zh=f"克隆该仓库；读取 data/{FOLDER} 和 data/{TABLE}，不读取视频。",
    size="59 stills (and 202 videos)",
    notes=(
        "Every still has its own licence, which its samples carry; 'unknown' where the table has none. The "
        "label is that of the patient and stands in the name of the file. Some stills are screen shots of "
        "papers with marks and letters in them."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the stills."""
    return first_folder(
        root, lambda at: FOLDER in at.folders and any((at.path / FOLDER / probe).is_dir() for probe in PROBES)
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place, rows = folder / "pocus" / "data", []
    for at in range(12):
        name = f"{('Cov', 'Pneu', 'Reg')[at % 3]}_invented_{at}"
        put_picture(place / FOLDER / PROBES[at % 2] / f"{name}.png")
        licence = ("CC BY 4.0", "CC BY-NC 4.0", "None")[at % 3]
        rows.append([name, licence, str(900 + at // 3), "1", str(at % 2), str(1 - at % 2), "image"])
    put_table(place / TABLE, [*COLUMNS, "Effusion", "Consolidations", "Type"], rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a still: the diagnosis, and the effusion where the table tells it."""
    told = _told(place / TABLE)
    for probe in PROBES:
        folder = subfolder(place / FOLDER, probe)
        for path in pictures_in(folder) if folder else []:
            label = LABELS.get(path.stem.replace("-", "_").partition("_")[0].lower())
            row = told.get(path.stem, {})
            name = f"{probe}/{path.stem}"
            if label is None:
                counts.drop("data.unknown_label", name)
                continue
            try:
                picture = read_picture(path, path.name)
            except RecordError as error:
                counts.drop(error.key, name)
                continue
            yield Record(
                id=name,
                images=(picture,),
                facts=tuple(_facts(label, row)),
                modality="ultrasound",
                anatomy="chest",
                group=_group(row, path.stem),
                licence=spdx(row.get("License", "")),
            )


def _facts(label: str, row: Mapping[str, str]) -> Iterator[Fact]:
    yield Fact("modality", value=json.dumps("ultrasound"))
    yield Fact("region", value=json.dumps("chest"))
    yield Fact("chest_finding", value=json.dumps(label))
    if label in {"bacterial_pneumonia", "viral_pneumonia"}:
        yield Fact("pneumonia", status="present")
    elif label == "no_finding":
        yield Fact("pneumonia", status="absent")
    effusion = row.get("Effusion", "")
    # Of COVID-19 the table tells no finding: no effusion alone would read as a lung without any.
    if effusion == "1" or (effusion == "0" and label != "covid_19"):
        yield Fact("effusion", status="present" if effusion == "1" else "absent")


def _group(row: Mapping[str, str], stem: str) -> str:
    """The patient, else all of one source, else the still."""
    patient, source = row.get("Patient ID / Name", ""), row.get("Source ID", "")
    return f"patient-{patient}" if patient else f"source-{source}" if source else stem


def _told(path: Path) -> Mapping[str, dict[str, str]]:
    """What the table says of each file, by the name without its ending."""
    rows = csv_rows(path, COLUMNS) if path.is_file() else ()
    return {_stem(row["Filename"]): row for row in rows if row["Filename"]}


def _stem(name: str) -> str:
    return Path(name).stem if is_picture(name) else name
