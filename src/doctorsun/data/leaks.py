"""What benchmarks test with does not train: records of other sources that show or ask it are left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Record
from doctorsun.data import sources
from doctorsun.data.blocks import index_of
from doctorsun.data.config import DataConfig, SourceConfig
from doctorsun.data.index import Index
from doctorsun.data.keys import Keys
from doctorsun.data.likeness import Prints, collect, compared, looks, mapped
from doctorsun.data.near.contamination import QUESTION_BYTES, Leaks, Side, find_leaks, report
from doctorsun.data.near.looks import LOOK_BYTES
from doctorsun.data.origins import Origin, origin
from doctorsun.data.shelf import Shelf
from doctorsun.data.stage import Staged

Mask = NDArray[np.bool_]
_SOME = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """Which records are left out, and what audit.json says of each benchmark."""

    left_out: Mask
    reports: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Material:
    """All different pictures by the key of their pixels, and all questions, of every record."""

    looks: Prints
    pixels: Keys
    names: Sequence[str]
    questions: Prints
    asked: Sequence[str]


def is_test(record: Record) -> bool:
    """Whether a benchmark tests with a record, or with words of it."""
    return record.split == "test" or any(text.split == "test" for text in record.texts)


def other_benchmarks(config: DataConfig) -> Iterator[Origin]:
    """The benchmarks on this disk that the recipe asks to compare with and does not use."""
    asked, used = config.audit.benchmarks, config.used()
    taken = {said.reader or name for name, said in used.items()} | set(used)
    for name in _with_tests() if asked is None else asked:
        if name in taken or config.root is None:
            continue
        found = origin(name, config, SourceConfig())
        if found.place is not None:
            yield found
        elif asked is not None:
            raise DataError("data.no_benchmark", where=config.root, found=name)


@cache
def _with_tests() -> tuple[str, ...]:
    """The names of all sources that say of themselves that a benchmark tests with some of their rows."""
    names = plugins.names(sources)
    return tuple(name for name in names if plugins.find(sources, name).CARD.test_rows != "none")


def leaks(staged: Sequence[Staged], index: Index, config: DataConfig, shelf: Shelf) -> Found:
    """What other sources hold of each benchmark among `staged`.

    A benchmark's own overlaps are reported and not left out here: they go to one side of the split.
    """
    out = np.zeros(len(index.used), np.bool_)
    tested = index.tested & index.used
    asked = config.audit.benchmarks
    numbers = [
        at for at in np.unique(index.source[tested]).tolist() if asked is None or staged[at].name in asked
    ]
    if not numbers:
        return Found(out, {})
    material = _material(staged, index, config, shelf)
    train = _side(material, index, index.used & ~index.tested, shelf.place / "train-looks.raw")
    reports = {}
    for done, number in enumerate(numbers, start=1):
        own = index.source == number
        benchmark = _side(material, index, tested & own, shelf.place / "benchmark-looks.raw")
        found = find_leaks(train.side, benchmark.side)
        reports[staged[number].name] = report(train.side, benchmark.side, found)
        equal = np.isin(index.twins, index.twins[(tested & own)[index.twin_of]])
        out[index.twin_of[equal & ~own[index.twin_of]]] = True
        out |= train.records(found, benchmark, index) & ~own
        reporter().step("data.step_benchmarks", done, len(numbers))
    return Found(out & index.used & ~index.tested, reports)


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of a comparison, with the pixels of its pictures and the record of each question."""

    side: Side
    pixels: Keys
    asked_by: NDArray[np.int64]

    def records(self, found: Leaks, benchmark: "_Part", index: Index) -> Mask:
        """The records that show a picture of the benchmark, or ask a question of it that needs none."""
        out = np.zeros(len(index.used), np.bool_)
        shown = np.unique(self.pixels[found.pictures[:, 0]])
        out[index.twin_of[np.isin(index.twins, shown)]] = True
        out[self.asked_by[found.training_rows(self.side, benchmark.side)]] = True
        return out


def _material(staged: Sequence[Staged], index: Index, config: DataConfig, shelf: Shelf) -> _Material:
    nothing = np.empty(0, np.int64)
    shown = Prints(np.empty((0, LOOK_BYTES), np.uint8), nothing, nothing)
    if compared(config):
        shown = looks(staged, index, shelf)
    asked = Prints(np.empty((0, QUESTION_BYTES), np.uint8), nothing, nothing)
    if config.near.texts:
        asked = collect(staged, index, shelf, ("questions", QUESTION_BYTES), _all)
    names, keys = _names(staged, questions=config.near.texts)
    pixels = index.twins[shown.places] if len(shown.places) else index.twins[:0]
    return _Material(shown, pixels, [names[at] for at in shown.records.tolist()], asked, keys)


def _all(first: int, table: pa.Table) -> Mask:
    return np.ones(len(table["questions"].combine_chunks().flatten()), np.bool_)


def _names(staged: Sequence[Staged], *, questions: bool) -> tuple[list[str], list[str]]:
    """The ids of all records, and of all their questions."""
    records: list[str] = []
    asked: list[str] = []
    for source in staged:
        for kept in source.blocks:
            table = index_of(kept.block.path, ("id", "question_keys"))
            names = [f"{source.name}/{name}" for name in table["id"].to_pylist()]
            records += names
            if questions:
                keys = table["question_keys"].to_pylist()
                asked += [f"{name}/{key}" for name, some in zip(names, keys, strict=True) for key in some]
    return records, asked


def _side(material: _Material, index: Index, chosen: Mask, aside: Path) -> _Part:
    """The pictures and questions of the chosen records; their looks are copied to a file."""
    shown = np.unique(index.twins[chosen[index.twin_of]])
    here = np.flatnonzero(np.isin(material.pixels, shown))
    pixels = material.pixels[here]
    asks = chosen[material.questions.records]
    asked_by = material.questions.records[asks]
    side = Side(
        pictures=[material.names[at] for at in here.tolist()],
        pixels=np.frombuffer(pixels.tobytes(), np.uint8).reshape(-1, pixels.dtype.itemsize),
        looks=_copied(material.looks.rows, here, aside),
        rows=[material.asked[at] for at in np.flatnonzero(asks).tolist()],
        questions=np.asarray(material.questions.rows[asks]),
        picture_of=_picture_of(asked_by, index, pixels),
    )
    return _Part(side, pixels, asked_by)


def _picture_of(records: NDArray[np.int64], index: Index, pixels: Keys) -> NDArray[np.int64]:
    """The place of the first picture of each record among some pixels, -1 where it shows none of them."""
    if not len(pixels):
        return np.full(len(records), -1)
    first = np.searchsorted(index.twin_of, records)
    known = (first < len(index.twins)) & (index.twin_of[np.minimum(first, len(index.twins) - 1)] == records)
    keys = index.twins[np.minimum(first, len(index.twins) - 1)]
    order = np.argsort(pixels)
    place = order[np.minimum(np.searchsorted(pixels, keys, sorter=order), len(pixels) - 1)]
    return np.where(known & (pixels[place] == keys), place, -1)


def _copied(rows: NDArray[np.uint8], places: NDArray[np.int64], aside: Path) -> NDArray[np.uint8]:
    """Some rows in a file of their own, so that millions need no memory."""
    with aside.open("wb") as file:
        for start in range(0, len(places), _SOME):
            file.write(rows[places[start : start + _SOME]].tobytes())
    return mapped(aside, len(places), LOOK_BYTES)
