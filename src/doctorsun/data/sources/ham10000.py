"""HAM10000: dermatoscopy with one of seven diagnoses."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import first_folder, pictures_below, read_picture, read_rows, with_columns

COLUMNS, OPTIONAL = ("lesion_id", "image_id", "dx"), ("localization",)
# The files that say what the pictures show, and the split of their rows; the others are of ISIC 2018, task 3.
TABLES: dict[str, Split | None] = {
    "ham10000_metadata": None,
    "isic2018_task3_validation_groundtruth": "validation",
    "isic2018_task3_test_groundtruth": "test",
}
ENDINGS = ("", ".csv", ".txt", ".tab")
DIAGNOSES = {
    "nv": "melanocytic_nevus",
    "mel": "melanoma",
    "bkl": "benign_keratosis",
    "bcc": "basal_cell_carcinoma",
    "akiec": "actinic_keratosis",
    "vasc": "vascular_lesion",
    "df": "dermatofibroma",
}
SITES = (
    "back",
    "lower extremity",
    "upper extremity",
    "face",
    "trunk",
    "abdomen",
    "chest",
    "foot",
    "neck",
    "scalp",
    "hand",
    "ear",
    "genital",
    "acral",
)
CARD = Card(
    name="ham10000",
    title="HAM10000",
    licence="CC-BY-NC-4.0",
    url="https://doi.org/10.7910/DVN/DBW86T",
    languages=("en",),
    citation=(
        "Tschandl P, Rosendahl C, Kittler H. The HAM10000 dataset, a large collection of multi-source "
        "dermatoscopic images of common pigmented skin lesions. Scientific Data 5:180161, 2018."
    ),
    obtain=(
        "Download the image parts and HAM10000_metadata from Harvard Dataverse into one folder; the "
        "pictures may lie in any folders in it."
    ),
    non_commercial=True,
    notes=(
        "Split by lesion: one lesion has up to six pictures; patients are not told apart. Tables of the "
        "test and validation sets of ISIC 2018 (task 3) are read too, and keep their split."
    ),
    obtain_zh=(
        "从哈佛 Dataverse 把各部分图像和 HAM10000_metadata 下载到同一个文件夹；图像可放在其中任意子文件夹。"
    ),
    size="10,015 pictures of 7,470 lesions",
)


def find(root: Path) -> Path | None:
    """The folder that holds the metadata, or the one above where the pictures lie beside that folder."""
    place = first_folder(root, lambda at: any(_is_table(Path(name)) for name in at.files))
    return place if place in (None, root) or pictures_below(place) else place.parent


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "ham"
    rows = []
    for at in range(21):
        dx, site = list(DIAGNOSES)[at % 7], SITES[at % len(SITES)]
        rows.append(
            [f"HAM_{90000 + at // 2:07d}", f"ISIC_{9000000 + at:07d}", dx, "histo", "50.0", "male", site]
        )
        put_picture(place / f"HAM10000_images_part_{1 + at % 2}" / f"ISIC_{9000000 + at:07d}.jpg")
    head = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    put_table(place / "HAM10000_metadata.csv", head, rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture: the diagnosis and the site."""
    files = pictures_below(place)
    for table in (path for path in sorted(place.rglob("*")) if path.is_file() and _is_table(path)):
        yield from _of_table(table, files, counts)


def _of_table(table: Path, files: Mapping[str, Path], counts: Counts) -> Iterator[Record]:
    for row in with_columns(_rows(table), OPTIONAL, counts):
        name = row["image_id"]
        if not name:
            counts.drop("data.bad_row", table.name)
        elif row["dx"] not in DIAGNOSES:
            counts.drop("data.unknown_label", name)
        elif not row["lesion_id"]:
            counts.drop("data.no_group", name)
        elif name not in files:
            counts.drop("data.image_absent", name)
        else:
            try:
                yield _record(row, files[name], TABLES[table.stem.lower()])
            except RecordError as error:
                counts.drop(error.key, name)


def _rows(table: Path) -> list[dict[str, str]]:
    """The rows of a table; the challenge's own form has a column a diagnosis and tells no lesion."""
    rows = read_rows(table, ())
    if not rows or "image" not in rows[0]:
        return read_rows(table, COLUMNS)
    diagnoses = {code.upper(): code for code in DIAGNOSES}
    found = []
    for row in read_rows(table, ("image", *diagnoses)):
        said = [code for column, code in diagnoses.items() if row[column] in {"1", "1.0"}]
        found.append(
            {"image_id": row["image"], "lesion_id": row["image"], "dx": said[0] if len(said) == 1 else ""}
        )
    return found


def _record(row: dict[str, str], path: Path, split: Split | None) -> Record:
    facts = [
        Fact("modality", value=json.dumps("dermoscopy")),
        Fact("region", value=json.dumps("skin")),
        Fact("skin_diagnosis", value=json.dumps(DIAGNOSES[row["dx"]])),
    ]
    site = row.get("localization", "")
    if site in SITES:
        facts.append(Fact("lesion_site", value=json.dumps(site.replace(" ", "_"))))
    return Record(
        id=row["image_id"],
        images=(read_picture(path, path.name),),
        facts=tuple(facts),
        modality="dermoscopy",
        anatomy="skin",
        group=row["lesion_id"],
        split=split,
    )


def _is_table(path: Path) -> bool:
    return path.stem.lower() in TABLES and path.suffix.lower() in ENDINGS
