"""PathVQA: questions made from the captions of pathology books, in each of its forms but the pickled one."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Card, Picture, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import Row, json_rows
from doctorsun.data.miniature import put_picture, put_text, tiny_picture
from doctorsun.data.reading import first_folder, folders
from doctorsun.data.streams import parquet_columns, parquet_rows
from doctorsun.data.visual import Pictures, embedded, gathered, illustrated, kind_of, placed, words

PARQUET = re.compile(r"^(train|validation|test)-\d+.*\.parquet$")
LXMERT = re.compile(r"^pvqa_(train|val|valid|test)\.json$")
PAIRS = re.compile(r"^qa_pairs.*\.json$")
SPLITS: dict[str, Split | None] = {
    "train": None,
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
COLUMNS = ("image", "question", "answer")
FOLDERS = ("images", "images/train", "images/val", "images/test", "train", "val", "test")
CARD = Card(
    name="pathvqa",
    title="PathVQA",
    licence="MIT",
    url="https://github.com/UCSD-AI4H/PathVQA",
    languages=("en",),
    test_rows="some",
    citation=(
        "He X, Zhang Y, Mou L, Xing E, Xie P. PathVQA: 30000+ questions for medical visual question "
        "answering. arXiv 2003.10286, 2020."
    ),
    obtain=(
        "Download data/*.parquet of huggingface.co/datasets/flaviagiammarino/path-vqa into a folder "
        "path-vqa; or the archive of the repository: pvqa_*.json of the LXMERT form with images/ are read, "
        "its pickles never."
    ),
    obtain_zh=(
        "把 huggingface.co/datasets/flaviagiammarino/path-vqa 的 data/*.parquet 下载到名为 path-vqa 的文件"
        "夹；或使用该仓库的压缩包：读取 LXMERT 形式的 pvqa_*.json 与 images/，pickle 文件一律不读。"
    ),
    size="4,998 pictures, 32,799 questions",
    patient_groups=False,
    notes=(
        "The repository and its copies say MIT; pictures and captions come from books and a digital library "
        "whose publishers may see it otherwise. Questions were made from captions by rules, so the wording "
        "of many is odd. Neither patient nor book is told: the picture is the group."
    ),
)


def find(root: Path) -> Path | None:
    """The folder named after the set that holds one of its forms, else the one that holds its own files."""
    named = first_folder(root, lambda at: _is_named(at.path.name) and bool(_tables(at.path)))
    return named or first_folder(root, lambda at: any(map(_is_own, at.files)))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set: the Parquet form."""
    place = folder / "path-vqa" / "data"
    place.mkdir(parents=True, exist_ok=True)
    for at, split in enumerate(("train", "validation", "test")):
        rows = []
        for number in range(3 * at, 3 * at + 3):
            cell = {"bytes": tiny_picture(f"pathvqa-{number}"), "path": None}
            asked = (f"what is invented in picture {number}?", f"is blot {number} bright?")
            rows += [{"image": cell, "question": asked[0], "answer": f"blot {number}"}]
            rows += [{"image": cell, "question": asked[1], "answer": ("yes", "no")[number % 2]}]
        file = BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file)
        (place / f"{split}-00000-of-00001.parquet").write_bytes(file.getvalue())


def example_lxmert(folder: Path) -> None:
    """Write an invented miniature of the LXMERT form and of the loose pairs."""
    place = folder / "PathVQA"
    for split in ("train", "val", "test"):
        rows = [
            {
                "img_id": f"{split}_{number:04d}",
                "labelf": {"pvqa": [{"yes": 1}, {f"blot {split} {number}": 1}][: 2 * (number > 0)]},
                "sentf": {"pvqa": ["Is it bright?", f"What is shown in {number}?"][: 2 * (number > 0)]},
            }
            for number in range(3)
        ]
        put_text(place / "lxmert" / f"pvqa_{split}.json", json.dumps(rows))
        for row in rows:
            put_picture(place / "images" / split / f"{row['img_id']}.jpg")
    pairs = [{"Image_ID": "Fig.1", "Questions": "What is invented ?", "Answers": "the blot"}]
    put_text(place / "data" / "QA_pairs_vb.json", json.dumps(pairs))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture, with every question as it was asked."""
    tables = _tables(place)
    whole = [path for path in tables if PARQUET.match(path.name)]
    if whole:
        yield from _of_parquet(whole, counts)
        return
    pictures = Pictures(place, *FOLDERS, unique=True)
    for name, texts in gathered(_texts(tables, counts)).items():
        record = Record(id=name, texts=texts, group=name)
        yield from illustrated(placed(record), (name,), pictures, counts)


def _of_parquet(tables: Sequence[Path], counts: Counts) -> Iterator[Record]:
    """One record for each run of rows with one picture; each row holds its picture whole."""
    seen: Counter[str] = Counter()
    for path in tables:
        split = SPLITS[path.name.partition("-")[0]]
        for raw, rows in groupby(enumerate(parquet_rows(path, COLUMNS)), key=lambda found: _bytes(found[1])):
            asked = list(rows)
            if raw is None:
                for at, _ in asked:
                    counts.drop("data.image_absent", f"{path.stem}/{at}")
                continue
            name = hashlib.sha256(raw).hexdigest()[:24]
            seen[name] += 1
            yield Record(
                id=f"{name}-{seen[name]}" if seen[name] > 1 else name,
                images=(Picture(raw, f"{name}.jpg"),),
                texts=tuple(_text(row["question"], row["answer"], None, f"q{at}") for at, row in asked),
                group=name,
                split=split,
            )


def _bytes(row: Row) -> bytes | None:
    picture = embedded(row["image"], "")
    return picture.bytes if picture else None


def _texts(tables: Sequence[Path], counts: Counts) -> Iterator[tuple[str, Text]]:
    for path in tables:
        found = LXMERT.match(path.name.lower())
        for at, (place, row) in enumerate(json_rows(path, counts)):
            asked = _asked(row) if found else _pair(row)
            if asked is None:
                counts.drop("data.bad_row", place)
                continue
            name, pairs = asked
            for number, (question, answer) in enumerate(pairs):
                key = f"q{number}" if found else f"{path.stem}-{at}"
                yield name, _text(question, answer, SPLITS[found[1]] if found else None, key)


def _asked(row: Row) -> tuple[str, list[tuple[object, object]]] | None:
    """The picture and the pairs of one object of the LXMERT form; of answers with scores the best counts."""
    try:
        labels, questions = row["labelf"]["pvqa"], row["sentf"]["pvqa"]
        answers = [max(label, key=label.__getitem__) if label else "" for label in labels]
        name = words(row["img_id"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    whole = name and len(answers) == len(questions)
    return (name, list(zip(questions, answers, strict=True))) if whole else None


def _pair(row: Row) -> tuple[str, list[tuple[object, object]]] | None:
    name = words(row.get("Image_ID"))
    return (name, [(row.get("Questions"), row.get("Answers"))]) if name else None


def _text(question: object, answer: object, split: Split | None, key: str) -> Text:
    said = words(answer)
    return Text(
        question=words(question), answer=said, lang="en", task="vqa", kind=kind_of(said), split=split, key=key
    )


def _tables(place: Path) -> list[Path]:
    """The files of all forms in a folder and below it."""
    return [
        at.path / name
        for at in folders(place)
        for name in at.files
        if _is_own(name) or (PARQUET.match(name) and set(COLUMNS) <= set(parquet_columns(at.path / name)))
    ]


def _is_named(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()).startswith("pathvqa")


def _is_own(name: str) -> bool:
    return bool(LXMERT.match(name.lower()) or PAIRS.match(name.lower()))
