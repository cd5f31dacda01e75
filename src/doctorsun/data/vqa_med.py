"""VQA-Med of ImageCLEF: questions about pictures of MedPix in text files with a mark between the fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

from doctorsun.core.schema import Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.reading import folders
from doctorsun.data.streams import split_rows
from doctorsun.data.visual import Pictures, gathered, illustrated, kind_of, placed

PAIR = ("picture", "question", "answer")
BY_CATEGORY = "QAPairsByCategory"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of file: a pattern of its name in small letters, what its lines hold, and their split.

    `answers` is the pattern of a second file with the answers, where this one has the questions alone.
    `topic` is that of all its questions; where the lines tell one, it is translated by `TOPICS`.
    """

    pattern: str
    fields: Sequence[str] = PAIR
    split: Split | None = None
    answers: str = ""
    topic: str | None = None


TOPICS: Mapping[str, str] = {
    "modality": "modality",
    "plane": "view",
    "organ": "region",
    "abnormality": "finding",
}


def find_tables(root: Path, tables: Sequence[Table]) -> Path | None:
    """The deepest folder that holds all files of these kinds below `root`; null where there are none."""
    found = [at.path for at in folders(root) if any(_matches(name, tables) for name in at.files)]
    return Path(commonpath(found)) if found else None


def table_records(place: Path, tables: Sequence[Table], counts: Counts) -> Iterator[Record]:
    """One record a picture, with every question as it was asked."""
    beside: dict[str, Path] = {}
    whole = Pictures(place, unique=True)
    near: dict[Path, Pictures] = {}
    for name, texts in gathered(_texts(place, tables, beside, counts)).items():
        record = Record(id=name, texts=texts, group=name)
        # Other sets have pictures of the same names, so those beside the table come first.
        pictures = near.setdefault(beside[name], Pictures(beside[name], unique=True))
        chosen = pictures if pictures.find(name) else whole
        yield from illustrated(placed(record), (name,), chosen, counts)


def _texts(
    place: Path, tables: Sequence[Table], beside: dict[str, Path], counts: Counts
) -> Iterator[tuple[str, Text]]:
    """Every question with its picture's name; `beside` takes the folder to look for that picture in."""
    files = [at.path / name for at in folders(place) for name in at.files if name.lower().endswith(".txt")]
    for table in tables:
        for path in (file for file in files if re.search(table.pattern, file.name.lower())):
            second = [file for file in files if table.answers and re.search(table.answers, file.name.lower())]
            answers = _answers(second[0]) if second else {}
            for at, row in enumerate(split_rows(path, table.fields)):
                key = f"{path.stem}-{at}"
                if row is None or not row["picture"]:
                    counts.drop("data.bad_row", key)
                    continue
                answer = row.get("answer", answers.get(row["picture"], ""))
                top = path.parent.parent if path.parent.name == BY_CATEGORY else path.parent
                beside.setdefault(row["picture"], top)
                yield row["picture"], _text(row, answer, table, key)


def _text(row: Mapping[str, str], answer: str, table: Table, key: str) -> Text:
    """The words of one line; `#` stands between answers that are all right, here "; " does."""
    answer = "; ".join(part.strip() for part in answer.split("#"))
    return Text(
        question=row["question"],
        answer=answer,
        lang="en",
        task="vqa",
        kind=kind_of(answer),
        topic=TOPICS.get(row.get("topic", "").lower(), table.topic),
        split=table.split,
        key=key,
    )


def _answers(path: Path) -> Mapping[str, str]:
    rows = split_rows(path, ("picture", "answer"))
    return {row["picture"]: row["answer"] for row in rows if row is not None}


def _matches(name: str, tables: Sequence[Table]) -> bool:
    return any(re.search(table.pattern, name.lower()) for table in tables)
