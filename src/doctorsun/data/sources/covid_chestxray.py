"""covid-chestxray-dataset: chest films and CT slices of published cases, with the words of their authors."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.licences import spdx
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import (
    MIXED,
    Folder,
    first_folder,
    is_picture,
    read_picture,
    read_rows,
    with_columns,
)

COLUMNS = ("patientid", "finding", "filename")
OPTIONAL = ("view", "modality", "license", "clinical_notes")
MODALITIES = {"x-ray": "xray", "xray": "xray", "ct": "ct"}
VIEWS = {
    "PA": "pa",
    "AP": "ap",
    "AP ERECT": "ap",
    "AP SUPINE": "ap_supine",
    "APS": "ap_supine",
    "L": "lateral",
    "AXIAL": "axial",
    "CORONAL": "coronal",
}
CAUSES = {
    "covid_19": ("covid-19",),
    "viral_pneumonia": ("viral", "varicella", "influenza", "sars", "mers-cov", "herpes", "h1n1"),
    "bacterial_pneumonia": (
        "bacterial",
        "streptococcus",
        "klebsiella",
        "legionella",
        "mycoplasma",
        "mycoplasma bacterial pneumonia",
        "e.coli",
        "nocardia",
        "chlamydophila",
        "staphylococcus",
    ),
    "fungal_pneumonia": ("fungal", "pneumocystis", "aspergillosis"),
    "lipoid_pneumonia": ("lipoid",),
    "no_finding": ("no finding",),
}
CARD = Card(
    name="covid_chestxray",
    title="COVID-19 image data collection",
    licence="CC-BY-NC-SA-4.0",
    url="https://github.com/ieee8023/covid-chestxray-dataset",
    languages=("en",),
    citation=(
        "Cohen JP, Morrison P, Dao L, Roth K, Duong TQ, Ghassemi M. COVID-19 Image Data Collection: "
        "Prospective Predictions Are the Future. MELBA 2020:18272."
    ),
    obtain="Clone the repository; metadata.csv and images/ are read.",
    non_commercial=True,
    notes=(
        "Every picture has its own licence, which its samples carry; the licence of the card is the "
        "strictest of them. Clinical notes are the authors' words: they tell history that no picture "
        "shows."
    ),
    obtain_zh="克隆该仓库；读取 metadata.csv 和 images/。",
    size="about 950 pictures",
)


def find(root: Path) -> Path | None:
    """The folder that holds metadata.csv; where none tells patients, the one that has images/ beside it."""
    return first_folder(root, _tells_patients) or first_folder(root, _looks_like_it)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "covid"
    rows = []
    findings = ("COVID-19", "Streptococcus", "No Finding", "Pneumocystis", "COVID-19, ARDS", "Pneumonia")
    for at in range(18):
        name, view = f"invented-{at}.png", ("PA", "AP Supine", "L")[at % 3]
        put_picture(place / "images" / name)
        licence = ("CC BY-NC-SA", "CC BY 4.0", "CC BY 3.0")[at % 3]
        note = f"Invented note {at}: an opacity of the lower field." if at % 2 else ""
        rows.append([900 + at // 2, findings[at % 6], view, "X-ray", "images", name, licence, note])
    head = ["patientid", "finding", "view", "modality", "folder", "filename", "license", "clinical_notes"]
    put_table(place / "metadata.csv", head, rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a row: view, diagnosis and the notes as they were written."""
    seen: dict[str, int] = {}
    rows = read_rows(place / "metadata.csv", COLUMNS, encodings=("utf-8-sig", MIXED))
    for row in with_columns(rows, OPTIONAL, counts):
        name, stem = row["filename"], Path(row["filename"]).stem
        seen[stem] = seen.get(stem, 0) + 1
        key = stem + (f"-{seen[stem]}" if seen[stem] > 1 else "")
        path = place / (row.get("folder") or "images") / name
        if not is_picture(name):
            counts.drop("data.no_picture_file", key)
        elif not row["patientid"]:
            counts.drop("data.no_group", key)
        elif Path(name).name != name or not path.is_file():
            counts.drop("data.image_absent", key)
        else:
            try:
                yield _record(row, path, key)
            except RecordError as error:
                counts.drop(error.key, key)


def _record(row: dict[str, str], path: Path, key: str) -> Record:
    modality = MODALITIES.get(row["modality"].lower())
    notes = row["clinical_notes"]
    return Record(
        id=key,
        images=(read_picture(path, path.name),),
        facts=tuple(_facts(row, modality)),
        texts=(Text(notes, lang="en", task="report", kind="report", topic="notes", key="notes"),)
        if notes
        else (),
        modality=modality,
        anatomy="chest",
        group=row["patientid"],
        licence=spdx(row["license"]),
    )


def _facts(row: dict[str, str], modality: str | None) -> Iterator[Fact]:
    if modality:
        yield Fact("modality", value=json.dumps(modality))
    yield Fact("region", value=json.dumps("chest"))
    view = VIEWS.get(row["view"].upper())
    if view:
        yield Fact("chest_view", value=json.dumps(view))
    names = [name.strip().lower() for name in row["finding"].replace("/", ",").split(",")]
    causes = [cause for cause, known in CAUSES.items() if set(names) & set(known)]
    if "covid_19" in causes:
        causes = ["covid_19"]
    if len(causes) == 1:
        yield Fact("chest_finding", value=json.dumps(causes[0]))
    if "no finding" in names:
        yield Fact("pneumonia", status="absent")
    elif causes or "pneumonia" in names:
        yield Fact("pneumonia", status="present")
    if "ards" in names:
        yield Fact("ards", status="present")


def _tells_patients(folder: Folder) -> bool:
    if "metadata.csv" not in folder.files:
        return False
    try:
        head = (folder.path / "metadata.csv").read_bytes()[:2000].partition(b"\n")[0]
    except OSError:
        return False
    return b"patientid" in head


def _looks_like_it(folder: Folder) -> bool:
    return "metadata.csv" in folder.files and "images" in folder.folders
