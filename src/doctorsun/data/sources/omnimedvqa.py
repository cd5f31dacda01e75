"""OmniMedVQA: questions with options made from the labels of 73 medical data sets; all of it is a test."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam
from doctorsun.data.formats.json_rows import Row, json_rows
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder
from doctorsun.data.visual import Pictures, choice, gathered, illustrated, words

FOLDER, PARTS = "QA_information", ("Open-access", "Restricted-access")
COLUMNS = ("question_id", "question", "gt_answer", "image_path")
LETTERS = "ABCDEF"
# How the names of modalities begin, in small letters.
MODALITIES = {
    "ct": "ct",
    "mr": "mri",
    "x-ray": "xray",
    "x_ray": "xray",
    "ultrasound": "ultrasound",
    "fundus": "fundus_photo",
    "dermoscopy": "dermoscopy",
}
TOPICS = {
    "modality recognition": "modality",
    "anatomy identification": "region",
    "disease diagnosis": "diagnosis",
    "lesion grading": "grade",
}
CARD = Card(
    name="omnimedvqa",
    title="OmniMedVQA",
    licence="unknown",
    url="https://huggingface.co/datasets/foreverbeliever/OmniMedVQA",
    languages=("en",),
    test_rows="all",
    citation=(
        "Hu Y, Li T, Lu Q, Shao W, He J, Qiao Y, Luo P. OmniMedVQA: A new large-scale comprehensive "
        "evaluation benchmark for medical LVLM. CVPR 2024."
    ),
    obtain="Download OmniMedVQA.zip and unpack it; QA_information/ and Images/ are read.",
    obtain_zh="下载 OmniMedVQA.zip 并解压；读取 QA_information/ 和 Images/。",
    size="127,995 questions on 118,010 pictures, 88,996 of them with open pictures, 10.7 GB",
    patient_groups=False,
    notes=(
        "A benchmark: all of it is test. Each of its data sets has its own licence, which the files do not "
        "tell: 'unknown' here. Pictures of the restricted part must be fetched from their own sources."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds QA_information with one of its two parts."""
    return first_folder(root, lambda at: any((at.path / FOLDER / part).is_dir() for part in PARTS))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "OmniMedVQA"
    for name, kind in (("Invented CT", "CT(Computed Tomography)"), ("Invented Fundus", "Fundus Photography")):
        rows = []
        for number in range(6):
            path = f"Images/{name}/{number // 2}.png"
            right = number % 4
            options = [f"thing {letter} {number}" for letter in LETTERS[: 4 if number % 2 else 2]]
            rows.append(
                {
                    "dataset": name,
                    "question_id": f"{name}_{number:04d}",
                    "question_type": ("Disease Diagnosis", "Modality Recognition")[number % 2],
                    "question": f"What is invented in picture {number} of {name}?",
                    "gt_answer": options[right % len(options)],
                    "image_path": path,
                    **{f"option_{LETTERS[at]}": option for at, option in enumerate(options)},
                    "modality_type": kind,
                }
            )
            put_picture(place / path)
        put_text(place / FOLDER / PARTS[0] / f"{name}.json", json.dumps(rows))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture, all of them test, with every question and its options."""
    pictures = Pictures(place, search=False)
    for part in PARTS:
        for path in sorted((place / FOLDER / part).glob("[!.]*.json")):
            kinds: dict[str, str] = {}
            for name, texts in gathered(_texts(path, kinds, counts)).items():
                key = f"{path.stem}/{name.rpartition('/')[2]}"
                modality = _modality(kinds[name])
                record = Record(id=name, texts=texts, modality=modality, group=key, split="test")
                yield from illustrated(record, (name,), pictures, counts, prefix=f"{path.stem}-")


def _texts(path: Path, kinds: dict[str, str], counts: Counts) -> Iterator[tuple[str, Text]]:
    for place, row in json_rows(path, counts):
        name = words(row.get("image_path"))
        if not set(COLUMNS) <= row.keys() or not name:
            counts.drop("data.bad_row", place)
            continue
        text = choice(_exam(row), counts, lang="en")
        if text is not None:
            # One row of one of its files calls this column otherwise.
            kinds.setdefault(name, words(row.get("modality_type") or row.get("modality")))
            yield name, text


def _exam(row: Row) -> Exam:
    return Exam(
        key=words(row["question_id"]),
        stem=words(row["question"]),
        options={letter: words(row.get(f"option_{letter}")) for letter in LETTERS},
        right=words(row["gt_answer"]),
        topic=TOPICS.get(words(row.get("question_type")).lower(), "attribute"),
    )


def _modality(said: str) -> str | None:
    lower = said.lower()
    return next((name for begin, name in MODALITIES.items() if lower.startswith(begin)), None)
