"""IDRiD, part B: fundus photographs with grades of retinopathy and of the risk of macular edema."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Fact, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import (
    Folder,
    first_folder,
    is_picture,
    pictures_below,
    pictures_in,
    read_picture,
    read_rows,
)

NAME, GRADE, RISK = "Image name", "Retinopathy grade", "Risk of macular edema"
GRADES, RISKS = tuple("01234"), tuple("012")
PARTS: dict[str, Split | None] = {"train": None, "test": "test"}
CARD = Card(
    name="idrid",
    title="Indian Diabetic Retinopathy Image Dataset (IDRiD), disease grading",
    licence="CC-BY-4.0",
    url="https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid",
    languages=("en",),
    test_rows="some",
    citation=(
        "Porwal P, Pachade S, Kamble R, Kokare M, Deshmukh G, Sahasrabuddhe V, Meriaudeau F. Indian Diabetic "
        "Retinopathy Image Dataset (IDRiD). Data 3(3):25, 2018."
    ),
    obtain="Download 'B. Disease Grading' and unpack it; training and testing sets are both read.",
    patient_groups=False,
    notes="No patient ids. Training and testing pictures share file names; their records do not.",
    obtain_zh="下载“B. Disease Grading”并解压；训练集与测试集都会读取。",
    size="516 photographs (413 training, 103 testing)",
)


def find(root: Path) -> Path | None:
    """The folder that holds the pictures and the grades; segmentation and localization are other parts."""
    return first_folder(root, _is_grading) or first_folder(root, _fits) or first_folder(root, _is_table_alone)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "B. Disease Grading"
    for letter, part, count in (("a", "Training", 10), ("b", "Testing", 5)):
        rows = [[f"IDRiD_{at:03d}", at % 5, at % 3, "", ""] for at in range(1, count + 1)]
        for row in rows:
            put_picture(place / "1. Original Images" / f"{letter}. {part} Set" / f"{part[:2]}{row[0]}.jpg")
            row[0] = f"{part[:2]}{row[0]}"
        table = place / "2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{part} Labels.csv"
        put_table(table, [NAME, GRADE, f"{RISK} ", "", ""], rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a photograph: both grades."""
    tables = _tables(place)
    if not tables:
        raise DataError("data.no_table", where=place.name, expected="*Labels.csv")
    for table in tables:
        part = "test" if "test" in table.name.lower() else "train"
        files = _pictures(place, part) or (pictures_below(place) if len(tables) == 1 else {})
        for row in read_rows(table, (NAME, GRADE, RISK)):
            stem = Path(row[NAME]).stem if is_picture(row[NAME]) else row[NAME]
            name = f"{part}/{stem}"
            if row[GRADE] not in GRADES or row[RISK] not in RISKS:
                counts.drop("data.unknown_label", name)
            elif stem not in files:
                counts.drop("data.image_absent", name)
            else:
                try:
                    yield _record(row, files[stem], name, PARTS[part])
                except RecordError as error:
                    counts.drop(error.key, name)


def _record(row: dict[str, str], path: Path, name: str, split: Split | None) -> Record:
    return Record(
        id=name,
        images=(read_picture(path, f"{name}{path.suffix.lower()}"),),
        facts=(
            Fact("modality", value=json.dumps("fundus_photo")),
            Fact("region", value=json.dumps("eye")),
            Fact("retinopathy_grade", value=json.dumps(f"retinopathy_{row[GRADE]}")),
            Fact("macular_edema_risk", value=json.dumps(f"macular_edema_{row[RISK]}")),
        ),
        modality="fundus_photo",
        anatomy="eye",
        group=name,
        split=split,
    )


def _fits(folder: Folder) -> bool:
    names = " | ".join(folder.folders).lower()
    return "original images" in names and "groundtruths" in names


def _is_grading(folder: Folder) -> bool:
    return _fits(folder) and bool(_tables(folder.path))


def _is_table_alone(folder: Folder) -> bool:
    """Whether a table of the grades lies there without the folders of the release around it."""
    return any("idrid" in name.lower() and _is_table(name) for name in folder.files)


def _is_table(name: str) -> bool:
    return name.lower().endswith(".csv") and "label" in name.lower() and not name.startswith(".")


def _tables(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if _is_table(path.name))


def _pictures(place: Path, part: str) -> dict[str, Path]:
    inner = [path for path in sorted(place.rglob("*")) if path.is_dir() and part in path.name.lower()]
    return {path.stem: path for folder in inner for path in pictures_in(folder)}
