"""MedMCQA: questions of Indian medical entrance examinations, many with an expert's explanation."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam, exam_records
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder

_LETTER = re.compile(r"^\s*(?:ans(?:wer)?\b(?:\s+is\b)?[\s.:-]*)?\(?[a-d]\b[\s).:,-]*", re.IGNORECASE)
# The answers of test.json are secret, so everybody scores on dev.json: it must not train either.
FILES: dict[str, Split | None] = {"train.json": None, "dev.json": "test", "test.json": "test"}
OPTIONS = {"A": "opa", "B": "opb", "C": "opc", "D": "opd"}
HEAD = 65536
CARD = Card(
    name="medmcqa",
    title="MedMCQA",
    licence="Apache-2.0",
    url="https://github.com/medmcqa/medmcqa",
    languages=("en",),
    test_rows="some",
    citation=(
        "Pal A, Umapathi LK, Sankarasubbu M. MedMCQA: A large-scale multi-subject multi-choice dataset for "
        "medical domain question answering. Conference on Health, Inference and Learning, PMLR 174, 2022."
    ),
    obtain="Download data.zip (link in the repository's README); {train,dev,test}.json are read.",
    obtain_zh="按仓库 README 中的链接下载 data.zip；读取 train.json、dev.json 和 test.json。",
    size="193,155 questions: 182,822 train, 4,183 dev, 6,150 test",
    notes=(
        "The answers of test.json are not published, so dev.json is what papers report and counts as test "
        "here. The README says Apache-2.0, the licence file MIT. One letter is right in every question, also "
        "where choice_type says multi."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return first_folder(
        root, lambda at: any(_is_file(at.path / name) for name in sorted(FILES.keys() & set(at.files)))
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for file in ("train.json", "dev.json"):
        rows = [
            {
                "question": f"Which invented sign stands for {file} {at}?",
                "exp": f"Because sign {at} was invented for it." if at % 2 else None,
                "cop": at % 4 + 1,
                **{field: f"sign {name}{at}" for name, field in OPTIONS.items()},
                "subject_name": "Social & Preventive Medicine",
                "topic_name": None,
                "id": f"{file}-{at}",
                "choice_type": "single",
            }
            for at in range(4)
        ]
        put_text(folder / "medmcqa" / "data" / file, "".join(json.dumps(row) + "\n" for row in rows))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question: its letter, and why where that is told."""
    for name, split in FILES.items():
        if _is_file(place / name):
            exams = _exams(place / name, counts, split=split)
            yield from exam_records(exams, counts, lang="en")


def _exams(path: Path, counts: Counts, *, split: Split | None) -> Iterator[Exam]:
    # The file counts from 1, its copies on the hub from 0, where -1 is an unknown answer.
    first = 0 if re.search(rb'"cop": ?(0|-1)\b', _head(path)) else 1
    for place, row in json_rows(path, counts):
        right = row.get("cop")
        number = right - first if isinstance(right, int) else -1
        options = {letter: str(row.get(field) or "") for letter, field in OPTIONS.items()}
        yield Exam(
            key=f"{path.stem}-{row.get('id') or place.rpartition('/')[2]}",
            stem=str(row.get("question") or ""),
            options=options,
            right=("ABCD"[number:][:1] or "?") if number >= 0 else "",
            why=_why(str(row.get("exp") or ""), options.values()),
            topic=_topic(row.get("subject_name")),
            split=split,
        )


def _why(told: str, options: Iterable[str]) -> str:
    """The explanation; nothing where it only repeats the letter, with or without the words of an option."""
    said = _plain(_LETTER.sub("", told, count=1))
    return "" if said in {"", *map(_plain, options)} else told


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _topic(subject: object) -> str | None:
    words = "".join(char if char.isalnum() else " " for char in str(subject or "").lower())
    return "_".join(words.split()) or None


def _is_file(path: Path) -> bool:
    return all(f'"{field}"'.encode() in _head(path) for field in OPTIONS.values())


def _head(path: Path) -> bytes:
    """The begin of a file, nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
