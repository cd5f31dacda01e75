"""First half of a build: each source's records, checked, in blocks that a killed build finds again."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from doctorsun.core.errors import DataError
from doctorsun.core.files import write_whole
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Card, Record
from doctorsun.data.admission import Admission
from doctorsun.data.blocks import Block, Chunk, index_of, make_block, open_block, weight
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.fingerprint import code_fingerprint
from doctorsun.data.keys import Met, column_keys
from doctorsun.data.origins import Origin, state
from doctorsun.data.shelf import Shelf
from doctorsun.data.workers import Workers

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A block and which of its records are used: those that no earlier one of the source equals."""

    block: Block
    used: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Staged:
    """One source on disk: its blocks, and the counts of what was left out on the way there."""

    name: str
    card: Card
    present: bool
    counts: Counts
    blocks: tuple[Kept, ...] = ()


def stage(
    source: Origin,
    config: DataConfig,
    *,
    shelf: Shelf,
    crew: Workers,
    wanted: Callable[[Record], bool] | None = None,
) -> Staged:
    """One source, gathered or found again; one that is absent or unusable is counted.

    With `wanted` only such records are taken, whatever their licence: they are for comparing alone.
    """
    if source.place is None and not source.generated:
        card = source.card
        if wanted is None:
            reporter().note("data.source_absent", source=source.name, url=card.url, obtain=card.obtain)
        return Staged(source.name, source.card, present=False, counts=Counts())
    part = "" if wanted is None else "-tests"
    listing = shelf.use(shelf.place / f"{source.name}{part}-{state(source, config)}.json")
    tree = _listed(listing, shelf)
    if tree is None:
        tree = _gather(Admission(source, config, wanted), shelf, crew)
        write_whole(listing, json.dumps(tree, ensure_ascii=False))
    return _found(source, tree, shelf)


def _listed(listing: Path, shelf: Shelf) -> Tree | None:
    """What was gathered before, null where a block of it is missing."""
    if not listing.is_file():
        return None
    tree: Tree = json.loads(listing.read_text(encoding="utf-8"))
    return tree if all((shelf.blocks / name).is_file() for name in tree["blocks"]) else None


def _gather(admission: Admission, shelf: Shelf, crew: Workers) -> Tree:
    name, done = admission.source.name, 0
    blocks: list[str] = []
    chunks = _chunks(admission, shelf)
    for path in crew.map(make_block, chunks, weigh=weight):
        blocks.append(path.name)
        done += open_block(path).records
        reporter().step("data.step_check", done, None, source=name)
    reporter().step("data.step_check", done, done, source=name)
    for error in admission.faults:
        admission.counts.drop(error.key, name)
    problems = [
        {"key": error.key, **{key: str(value) for key, value in error.values.items()}}
        for error in admission.faults
    ]
    return {"blocks": blocks, "counts": admission.counts.to_json(), "problems": problems}


def _chunks(admission: Admission, shelf: Shelf) -> Iterator[Chunk]:
    code = code_fingerprint()
    # What one source's blocks do not depend on stays out of what is sent to the workers.
    config = admission.config.model_copy(update={"sources": {}})
    if admission.source.generated:
        # A program's pictures are as alike as it draws them; their groups are known.
        config = config.model_copy(update={"near": config.near.model_copy(update={"pictures": False})})
    for records in admission.chunks():
        yield Chunk(admission.source.name, records, config, code, shelf.blocks)


def _found(source: Origin, tree: Tree, shelf: Shelf) -> Staged:
    counts = Counts.from_json(tree["counts"])
    for problem in tree["problems"]:
        reporter().note("data.source_unusable", source=source.name, problem=str(DataError(**problem)))
    met = Met()
    blocks = tuple(
        _once(open_block(shelf.use(shelf.blocks / name)), source.name, counts, met) for name in tree["blocks"]
    )
    return Staged(source.name, source.card, present=True, counts=counts, blocks=blocks)


def _once(block: Block, source: str, counts: Counts, met: Met) -> Kept:
    """The block with its doubles marked and everything counted."""
    counts.add(block.counts)
    index = index_of(block.path, ("id", "print", "words", "changed"))
    used = met.fresh(column_keys(index["print"]))
    for name in index["id"].filter(pa.array(~used)).to_pylist():
        counts.drop("data.doubled_record", f"{source}/{name}")
    words = index["words"].to_numpy()
    counts.keep(int(used.sum()), words=int(words[used].sum()))
    for changed in index["changed"].filter(pa.array(used)).to_pylist():
        for what in changed:
            counts.note(what)
    return Kept(block, used)
