"""SLAKE: questions in Chinese and English about radiology pictures with drawn organs and diseases."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Fact, Kind, Lang, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import Row, json_rows
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import Folder, first_folder, read_json
from doctorsun.data.visual import Pictures, gathered, illustrated, placed, words
from doctorsun.imaging.pictures import Limits, opened
from doctorsun.language.glossary import glossary

Box = tuple[float, float, float, float]

# The copy at Hugging Face calls the second of them otherwise.
FILES: dict[str, Split | None] = {
    "train.json": None,
    "validate.json": "validation",
    "validation.json": "validation",
    "test.json": "test",
}
COLUMNS = ("img_name", "question", "answer", "q_lang", "qid")
LANGS: dict[str, Lang] = {"en": "en", "zh": "zh"}
KINDS: dict[str, Kind] = {"CLOSED": "closed", "OPEN": "open"}
MODALITIES = {"x-ray": "xray", "ct": "ct", "mri": "mri"}
REGIONS = {"lung": "chest", "chest": "chest", "abdomen": "abdomen", "brain": "head"}
TOPICS = {
    "modality": "modality",
    "plane": "view",
    "organ": "region",
    "position": "site",
    "abnormality": "finding",
    "size": "size",
    "quantity": "count",
    "color": "color",
    "shape": "attribute",
    "kg": "knowledge",
}
# What SLAKE draws and calls otherwise than the glossary's ids.
DRAWN = {
    "infiltration": "infiltrate",
    "pulmonary infiltration": "infiltrate",
    "mass": "lung_mass",
    "pulmonary mass": "lung_mass",
    "pulmonary nodule": "nodule",
    "pleural effusion": "effusion",
    "large bowel": "colon",
    "small intestine": "small_bowel",
    "both lung": "lung",
    "esophageal": "esophagus",
    "oesophagus": "esophagus",
}
CARD = Card(
    name="slake",
    title="SLAKE",
    licence="CC-BY-4.0",
    url="https://www.med-vqa.com/slake/",
    languages=("zh", "en"),
    test_rows="some",
    citation=(
        "Liu B, Zhan LM, Xu L, Ma L, Yang Y, Wu XM. SLAKE: A semantically-labeled knowledge-enhanced dataset "
        "for medical visual question answering. ISBI 2021."
    ),
    obtain=(
        "Download Slake1.0.zip from med-vqa.com/slake or from huggingface.co/datasets/BoKelvin/SLAKE; "
        "train.json, validate.json, test.json and imgs/xmlabN/ are read."
    ),
    obtain_zh=(
        "从 med-vqa.com/slake 或 huggingface.co/datasets/BoKelvin/SLAKE 下载 Slake1.0.zip 并解压；"
        "读取 train.json、validate.json、test.json 和 imgs/xmlabN/。"
    ),
    size="642 pictures, 14,028 questions (7,033 en, 6,995 zh)",
    patient_groups=False,
    notes=(
        "The official split divides the questions: most test pictures are also training pictures. Questions "
        "of the test file never train; a picture all of whose questions are test is test. Questions of the "
        "knowledge graph (topic knowledge) need more than the picture. Drawn organs and diseases become "
        "findings with a box; what is not drawn is not said to be absent."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds train.json, validate.json or test.json of SLAKE."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place, number = folder / "Slake1.0", 0
    for at, file in enumerate(("train.json", "validate.json", "test.json")):
        rows = []
        for picture in range(3 * at, 3 * at + 4):
            name = f"xmlab{picture}"
            put_picture(place / "imgs" / name / "source.jpg")
            put_text(
                place / "imgs" / name / "detection.json", json.dumps([{"Nodule": [4.0, 5.0, 10.0, 8.0]}])
            )
            for lang, question, answer in (
                ("en", f"Invented question {picture}?", "Yes"),
                ("zh", f"虚构问题{picture}？", "是的"),
            ):
                rows.append(_invented(picture, number, lang, (f"{question}{at}", answer)))
                number += 1
        put_text(place / file, json.dumps(rows, ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture: modality, region, drawn findings, and every question as it was asked."""
    pictures = Pictures(place, "imgs")
    about: dict[str, Row] = {}
    for name, texts in gathered(_texts(place, about, counts)).items():
        row = about[name]
        modality = MODALITIES.get(words(row.get("modality")).lower())
        region = REGIONS.get(words(row.get("location")).lower().partition("_")[0])
        folder = PurePosixPath(name).parent.name or PurePosixPath(name).stem
        record = Record(
            id=folder,
            texts=texts,
            modality=modality,
            anatomy=region,
            group=folder,
            facts=_facts(modality, region),
        )
        for shown in illustrated(placed(record), (name,), pictures, counts, prefix=f"{folder}-"):
            yield _with_boxes(shown, pictures.find(name), counts)


def _texts(place: Path, about: dict[str, Row], counts: Counts) -> Iterator[tuple[str, Text]]:
    for file, split in FILES.items():
        path = place / file
        for at, row in json_rows(path, counts) if path.is_file() else ():
            if not set(COLUMNS) <= row.keys() or not words(row["img_name"]):
                counts.drop("data.bad_row", at)
                continue
            name, key = words(row["img_name"]), f"q{row['qid']}"
            lang = LANGS.get(words(row["q_lang"]))
            kind = KINDS.get(words(row.get("answer_type")).upper())
            if lang is None or kind is None:
                counts.drop(
                    "data.unknown_language" if lang is None else "data.unknown_label", f"{name}/{key}"
                )
                continue
            about.setdefault(name, row)
            yield (
                name,
                Text(
                    question=words(row["question"]),
                    answer=words(row["answer"]),
                    lang=lang,
                    task="vqa",
                    kind=kind,
                    topic=TOPICS.get(words(row.get("content_type")).lower(), "other"),
                    split=split,
                    key=key,
                ),
            )


def _facts(modality: str | None, region: str | None) -> tuple[Fact, ...]:
    known = {"modality": modality, "body_region": region}
    return tuple(Fact(name, value=json.dumps(value)) for name, value in known.items() if value)


def _with_boxes(record: Record, path: Path | None, counts: Counts) -> Record:
    """The record with a fact for each drawn finding that the glossary knows, and its largest box."""
    file = path.with_name("detection.json") if path else None
    if file is None or not file.is_file():
        return record
    try:
        width, height = opened(record.images[0].bytes, where=record.id, limits=Limits()).size
        drawn = _drawn(read_json(file), width, height)
    except (DataError, RecordError, TypeError, ValueError, AttributeError):
        counts.note("data.boxes_left_aside", record.id)
        return record
    boxes: dict[str, Box] = {}
    for name, box in sorted(drawn, key=lambda found: _area(found[1]), reverse=True):
        boxes.setdefault(name, box)
    facts = (Fact(name, status="present", box_xyxy=box) for name, box in sorted(boxes.items()))
    return replace(record, facts=(*record.facts, *facts))


def _drawn(tree: Sequence[Mapping[str, Sequence[float]]], width: int, height: int) -> list[tuple[str, Box]]:
    """The drawn findings that the glossary knows; `tree` has {name: [left, top, width, height]}, pixels."""
    found = []
    for item in tree:
        for said, (left, top, across, down) in item.items():
            name = _term_of(said)
            sides = (left / width, top / height, (left + across) / width, (top + down) / height)
            x0, y0, x1, y1 = (round(min(max(float(side), 0.0), 1.0), 4) for side in sides)
            if name and x0 < x1 and y0 < y1:
                found.append((name, (x0, y0, x1, y1)))
    return found


def _term_of(said: str) -> str | None:
    """The finding or organ of the glossary that a drawn thing is; null where it knows none."""
    told = said.strip().lower()
    term = glossary().terms.get(DRAWN.get(told, "_".join(re.findall(r"[a-z]+", told))))
    return term.id if term and term.kind in {"finding", "organ"} else None


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _invented(picture: int, number: int, lang: str, said: tuple[str, str]) -> dict[str, object]:
    return {
        "img_id": picture,
        "img_name": f"xmlab{picture}/source.jpg",
        "question": said[0],
        "answer": said[1],
        "q_lang": lang,
        "location": "Lung",
        "modality": ("CT", "X-Ray", "MRI")[picture % 3],
        "answer_type": "CLOSED",
        "base_type": "vqa",
        "content_type": "Abnormality",
        "triple": ["vhead", "_", "_"],
        "qid": number,
    }


def _fits(folder: Folder) -> bool:
    """Whether one of the files lies there and a row of it names a picture the way SLAKE does."""
    for name in FILES:
        if name in folder.files:
            try:
                with (folder.path / name).open(encoding="utf-8-sig", errors="replace") as file:
                    head = file.read(2000)
            except OSError:
                continue
            if '"img_name"' in head and '"q_lang"' in head:
                return True
    return False
