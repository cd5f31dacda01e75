"""`predictions.jsonl`: a row for each question and condition, enough to score it again without the model."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from doctorsun.core.errors import EvalError
from doctorsun.core.files import storage_errors, write_whole
from doctorsun.core.schema import Kind, Lang, Origin, Task
from doctorsun.evals.settings import Condition
from doctorsun.language.answers import Form

STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A question, how it was asked, the reply, and its marks once scored.

    `task` names the data set or benchmark. `shown` holds the SHA-256 of the images that the model saw,
    `images` of those that belong to the question. `label` is the reference's label and `extracted` the
    reply's, null where it cannot be read. `marks` are 0..1 by protocol; null is a reply that cannot be read.
    """

    id: str
    task: str
    split: str
    condition: Condition
    lang: Lang
    kind: Kind | None
    form: Form | None
    genre: Task
    source: str
    topic: str | None
    origin: Origin
    modality: str | None
    group: str
    question_key: str | None
    label: str | None
    allowed: tuple[str, ...]
    phrasing: str | None
    phrasing_held_out: bool | None
    prompt: str
    question: str
    reference: str
    choices: tuple[str, ...]
    images: tuple[str, ...]
    shown: tuple[str, ...]
    reply: str
    stopped: bool
    tokens: int
    extracted: str | None = None
    marks: dict[str, float | None] | None = None
    f1: float | None = None
    f1_word: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is the same only for the same question, asked the same way."""
        return (self.task, self.split, self.id, self.condition)

    @property
    def mark(self) -> float | None:
        """The mark of the strict protocol; null where the reply cannot be read."""
        return self.marks[STRICT] if self.marks else None


_NAMES = [field.name for field in fields(Prediction)]
_LISTS = ("allowed", "choices", "images", "shown")


def to_line(row: Prediction) -> str:
    """The row as one line of JSON with its line feed."""
    return json.dumps({name: getattr(row, name) for name in _NAMES}, ensure_ascii=False) + "\n"


def read_predictions(path: Path) -> Iterator[Prediction]:
    """The rows of a file; EvalError names the line that is none. A last line cut by a crash is left out."""
    if not path.is_file():
        raise EvalError("evals.no_predictions", where=path)
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith("\n"):
                yield _row(line, f"{path.name}:{number}")


def write_predictions(path: Path, rows: Iterable[Prediction]) -> None:
    """Put all rows in the place of the file."""
    write_whole(path, "".join(map(to_line, rows)))


def drop_cut_line(path: Path) -> None:
    """Cut off what a crash left of a last line, so that appending starts on a new line."""
    raw = path.read_bytes()
    whole = raw.rfind(b"\n") + 1
    if whole < len(raw):
        with storage_errors(path), path.open("r+b") as file:
            file.truncate(whole)


def unscored(row: Prediction) -> Prediction:
    """The row without its marks."""
    return replace(row, extracted=None, marks=None, f1=None, f1_word=None)


def _row(line: str, where: str) -> Prediction:
    try:
        found: dict[str, Any] = json.loads(line)
        for name in _LISTS:
            found[name] = tuple(found[name])
        return Prediction(**{name: found[name] for name in _NAMES if name in found})
    except (ValueError, KeyError, TypeError) as error:
        raise EvalError("evals.bad_prediction", where=where, problem=str(error)[:120]) from None
