"""VQA-RAD: questions that clinicians asked about radiology pictures, with their answers."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Fact, Kind, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder, pictures_below, read_json_rows, read_picture

Row = Mapping[str, Any]

REGIONS = {"CHEST": "chest", "HEAD": "head", "ABD": "abdomen"}
KINDS: dict[str, Kind] = {"CLOSED": "closed", "OPEN": "open"}
TOPICS = {
    "MODALITY": "modality",
    "PLANE": "view",
    "ORGAN": "region",
    "PRES": "finding",
    "PRSE": "finding",
    "ABN": "finding",
    "POS": "site",
    "SIZE": "size",
    "COUNT": "count",
    "COLOR": "color",
    "ATTRIB": "attribute",
    "ATRIB": "attribute",
}
COLUMNS = ("qid", "image_name", "question", "answer", "answer_type")
CARD = Card(
    name="vqa_rad",
    title="VQA-RAD",
    licence="CC0-1.0",
    url="https://osf.io/89kps/",
    languages=("en",),
    test_rows="some",
    citation=(
        "Lau JJ, Gayen S, Ben Abacha A, Demner-Fushman D. A dataset of clinically generated visual "
        "questions and answers about radiology images. Scientific Data 5:180251, 2018."
    ),
    obtain="Download 'VQA_RAD Dataset Public.json' and 'VQA_RAD Image Folder' from osf.io/89kps.",
    notes=(
        "The official split divides the questions, not the pictures: most test pictures are also "
        "training pictures. Here whole pictures (with all pictures of the same case) are held out, which "
        "is the headline. Questions marked test_* never train, whatever their picture; all of them stand "
        "again in the split 'official', which is leaky because training may see those pictures through "
        "other questions."
    ),
    obtain_zh="从 osf.io/89kps 下载“VQA_RAD Dataset Public.json”和“VQA_RAD Image Folder”。",
    size="315 pictures, 2,248 questions",
)


def find(root: Path) -> Path | None:
    """The folder that holds the JSON."""
    return first_folder(root, lambda at: any(_is_table(name) for name in at.files))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "vqa-rad"
    rows: list[dict[str, object]] = []
    for at in range(24):
        name = f"synpic{90000 + at // 2}.jpg"
        put_picture(place / "VQA_RAD Image Folder" / name)
        yes = at % 4 < 2
        rows.append(
            {
                "qid": at,
                "phrase_type": ("freeform", "para", "freeform", "test_freeform")[at % 4],
                "image_case_url": f"https://example.org/case?id={at // 2}",
                "image_name": name,
                "image_organ": list(REGIONS)[at // 2 % 3],
                "question": "Is the blot bright?" if at % 2 else f"What shape has blot number {at}? ",
                "question_type": "PRES" if at % 2 else "ATTRIB",
                "answer": ("Yes" if yes else "No") if at % 2 else f"shape {at}",
                "answer_type": "CLOSED " if at % 2 else "OPEN",
            }
        )
    put_text(place / "VQA_RAD Dataset Public.json", json.dumps(rows, indent=1))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture: its region, and every question as it was asked."""
    rows = _rows(place, counts)
    groups = _groups(rows)
    of_picture: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_picture[str(row["image_name"])].append(row)
    files = {path.name: path for path in pictures_below(place).values()}
    stems = {path.stem: path for path in files.values()}
    for name, asked in sorted(of_picture.items()):
        path = files.get(name) or stems.get(Path(name).stem)
        if path is None:
            counts.drop("data.image_absent", name)
            continue
        try:
            picture = read_picture(path, path.name)
        except RecordError as error:
            counts.drop(error.key, name)
            continue
        region = REGIONS.get(
            next(filter(None, (_words(row.get("image_organ")) for row in asked)), "").upper()
        )
        yield Record(
            id=Path(name).stem,
            images=(picture,),
            facts=(Fact("body_region", value=json.dumps(region)),) if region else (),
            texts=tuple(_texts(asked, counts)),
            anatomy=region,
            group=groups[name],
        )


def _rows(place: Path, counts: Counts) -> list[Row]:
    tables = sorted(path for path in place.iterdir() if _is_table(path.name))
    found: list[Row] = []
    for table in tables:
        rows = read_json_rows(table)
        if not any(row is not None and set(COLUMNS) <= row.keys() for row in rows):
            raise DataError("data.missing_column", where=table.name, column=", ".join(COLUMNS), found="-")
        for at, row in enumerate(rows):
            if row is None or not set(COLUMNS) <= row.keys() or not str(row["image_name"]).strip():
                counts.drop("data.bad_row", f"{table.name}/{at}")
            else:
                found.append(row)
    return found


def _groups(rows: Sequence[Row]) -> dict[str, str]:
    """The group of each picture: pictures that share a case are one group, named by its first picture."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for row in rows:
        picture, case = root(str(row["image_name"])), str(row.get("image_case_url") or "")
        other = root(f"case {case}") if case else picture
        low, high = sorted((picture, other), key=lambda name: (name.startswith("case "), name))
        first[high] = low
    return {str(row["image_name"]): root(str(row["image_name"])) for row in rows}


def _texts(asked: Sequence[Row], counts: Counts) -> Iterator[Text]:
    for row in asked:
        name = f"{row['image_name']}/{row['qid']}"
        kind = KINDS.get(str(row["answer_type"]).strip().upper())
        if kind is None:
            counts.drop("data.unknown_label", name)
            continue
        topic = _words(row.get("question_type")).split(",")[0].strip().upper()
        yield Text(
            question=_words(row["question"]),
            answer=_words(row["answer"]),
            lang="en",
            task="vqa",
            kind=kind,
            topic=TOPICS.get(topic, "other"),
            split="test" if str(row.get("phrase_type", "")).startswith("test") else None,
            key=f"q{row['qid']}",
        )


def _words(value: object) -> str:
    """What a field says; nothing where it is absent, null or a list."""
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def _is_table(name: str) -> bool:
    lower = name.lower().replace("-", "_").replace(" ", "_")
    return lower.endswith(".json") and lower.startswith("vqa_rad")
