"""`export(dataset, "llava", out)`: a data set in the format of another toolkit, with its pictures beside."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.core.files import whole_folder, write_whole
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Message, Part, Picture, Sample
from doctorsun.data import exports
from doctorsun.data.card import export_card
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.data.markers import alternate, typed

PROVENANCE = (
    "id", "source", "licence", "group", "split", "lang", "task", "kind", "topic", "modality", "anatomy",
    "origin", "derived_from",
)  # fmt: skip
PICTURES = "images"
_SIGNS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}
_NAME = 24
_KNOWN = 64


class Put(Protocol):
    """Takes one row after another."""

    def __call__(self, row: Mapping[str, Any], /) -> None:
        """Write one row."""
        ...


@dataclass
class Outlet:
    """What a format writes from and into: the samples of each split, and a folder.

    `counts` takes what the format cannot hold; `rows` counts what was written, by split.
    """

    dataset: Dataset
    folder: Path
    counts: Counts = field(default_factory=Counts)
    rows: Counter[str] = field(default_factory=Counter)
    _names: dict[int, tuple[Picture, str]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """The splits that hold samples; `official`, leaky by its benchmark's design, has its own file."""
        return self.dataset.splits

    def samples(self, part: str, *, turns: bool = True) -> Iterator[Sample]:
        """The samples of a split; with `turns`, those whose turns do not alternate are counted instead."""
        rows = self.dataset.rows(part)
        for done, sample in enumerate(rows, start=1):
            if turns and not alternate(sample.messages):
                self.counts.drop("data.bad_turns", sample.id)
            else:
                self.rows[part] += 1
                yield sample
            if done % 256 == 0 or done == len(rows):
                reporter().step("data.step_export", done, len(rows), split=part)

    def picture(self, picture: Picture) -> str:
        """The name of a picture's file below the folder; each different picture is written once."""
        known = self._names.get(id(picture))
        if known is not None:
            return known[1]
        digest = hashlib.sha256(picture.bytes).hexdigest()
        name = f"{PICTURES}/{digest[:2]}/{digest[:_NAME]}{ending(picture.bytes)}"
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture.bytes)
        if len(self._names) >= _KNOWN:
            self._names.clear()
        self._names[id(picture)] = (picture, name)
        return name


def export(folder: Path, to: str, out: Path) -> Outlet:
    """Write a data set in the format `to` (a file of `data/exports/`) to `out`, whole or not at all.

    DataError where the data set was changed, or where `out` holds something already.
    """
    module = plugins.find(exports, to, where="--to")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError("data.export_taken", where=out)
    dataset = open_dataset(folder)
    dataset.verify()
    if out.resolve().is_relative_to(folder.resolve()):
        raise DataError("data.export_inside", where=out, dataset=folder)
    with whole_folder(out) as fresh:
        outlet = Outlet(dataset, fresh)
        module.write(outlet)
        files = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file())
        listed = [name for name in files if not name.startswith(f"{PICTURES}/")]
        words = export_card(
            dataset.info, to, module.ABOUT, files=listed, rows=outlet.rows, dropped=outlet.counts.dropped
        )
        write_whole(fresh / "README.md", words)
    return outlet


def provenance(sample: Sample) -> dict[str, Any]:
    """Where a sample comes from; `escaped` says that words such as `<image>` were typed and got a blank."""
    known = {name: getattr(sample, name) for name in PROVENANCE}
    worse = () if sample.rejected is None else (worse_answer(sample),)
    return {**known, "escaped": typed((*sample.messages, *worse))}


def worse_answer(sample: Sample) -> Message:
    """The turn of the rejected answer of a pair."""
    return Message("assistant", (Part("text", sample.rejected),))


def ending(raw: bytes) -> str:
    """The ending of a picture file by its content."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return ".webp"
    return next((name for sign, name in _SIGNS.items() if raw.startswith(sign)), ".img")


def one_line(row: Mapping[str, Any]) -> str:
    """A row as JSON on one line, for readers that break lines at any of Unicode's line ends too."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    for mark in ("\x85", "\u2028", "\u2029"):
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


@contextmanager
def json_lines(path: Path) -> Iterator[Put]:
    """A JSONL file to put rows into."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        yield lambda row: _line(file, one_line(row) + "\n")


@contextmanager
def json_list(path: Path) -> Iterator[Put]:
    """A file of one JSON list to put rows into; a row a line, none of them kept in memory."""
    first = True
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")

        def put(row: Mapping[str, Any], /) -> None:
            nonlocal first
            file.write(("\n" if first else ",\n") + one_line(row))
            first = False

        yield put
        file.write("\n]\n")


def _line(file: TextIO, text: str) -> None:
    file.write(text)
