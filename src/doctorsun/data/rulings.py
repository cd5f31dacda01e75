"""What becomes of every staged record: its split and its group, or the reason why it is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from doctorsun.core.errors import DataError
from doctorsun.core.progress import reporter
from doctorsun.data.blocks import index_of
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.index import Index, index_all
from doctorsun.data.keys import Keys, Numbers
from doctorsun.data.leaks import Found, leaks
from doctorsun.data.likeness import near_duplicates
from doctorsun.data.shelf import Shelf
from doctorsun.data.split import Members, assign
from doctorsun.data.stage import Staged

LEFT_OUT = 255


@dataclass(frozen=True, slots=True)
class Ruled:
    """A block with a byte for each record, its place in SPLITS or LEFT_OUT, and 16 bytes, its group."""

    block: Path
    size: int
    splits: bytes
    groups: bytes


def rule(
    staged: Sequence[Staged], tests: Sequence[Staged], config: DataConfig, shelf: Shelf
) -> tuple[list[Staged], list[list[Ruled]], dict[str, Any]]:
    """The sources with what is left out here counted, the rulings on their blocks, and what audits state.

    `tests` are benchmarks that are compared with and not used. DataError where more stays than is allowed.
    """
    every = [*staged, *tests]
    index = index_all(every)
    like = near_duplicates(every, index, config, shelf)
    found = leaks(every, index, config, shelf)
    _refuse(found, config)
    leaked = found.left_out & ~like.left_out & index.used & config.audit.remove
    starts = index.first[np.cumsum([0, *(len(source.blocks) for source in every)])].tolist()
    for mask, reason in ((like.left_out, "data.near_text"), (leaked, "data.in_benchmark")):
        staged = [
            _counted(source, first, mask, reason) for source, first in zip(staged, starts, strict=False)
        ]
    used = index.used & ~like.left_out & ~leaked & (index.source < len(staged))
    splits = np.full(len(used), LEFT_OUT, np.uint8)
    groups = index.groups.copy()
    splits[used], groups[used] = assign(_members(index, like.pairs, used), config.split)
    reporter().step("data.step_split", len(used), len(used))
    rulings = _of_blocks(staged, index, splits, groups)
    audit = {
        "near": {"pairs": len(like.pairs), "left_out": int(like.left_out.sum())},
        "benchmarks": {
            "removed": int(leaked.sum()),
            "remaining": 0 if config.audit.remove else int(found.left_out.sum()),
            "limit": config.audit.limit,
            "compared": found.reports,
        },
    }
    return list(staged), [[next(rulings) for _ in source.blocks] for source in staged], audit


def _refuse(found: Found, config: DataConfig) -> None:
    """Raise DataError where benchmark material that the recipe leaves in is more than it allows."""
    number = int(found.left_out.sum())
    if not config.audit.remove and number > config.audit.limit:
        names = ", ".join(sorted(found.reports))
        raise DataError("data.benchmark_leak", where=names, found=number, limit=config.audit.limit)


def _members(index: Index, pairs: Numbers, used: NDArray[np.bool_]) -> Members:
    """The records that are used, numbered anew."""
    number = np.cumsum(used) - 1
    whole = used[pairs].all(axis=1)
    twins = used[index.twin_of]
    return Members(
        index.groups[used],
        index.official[used],
        number[index.twin_of[twins]],
        index.twins[twins],
        number[pairs[whole]],
    )


def _counted(source: Staged, first: int, out: NDArray[np.bool_], reason: str) -> Staged:
    """The source, whose records begin at `first`, with those that are `out` counted by id."""
    counts = Counts(kept=source.counts.kept)
    counts.add(replace(source.counts, kept=0))
    for kept in source.blocks:
        some = out[first : first + kept.block.records]
        first += kept.block.records
        if some.any():
            table = index_of(kept.block.path, ("id", "words")).filter(pa.array(some))
            counts.kept -= len(table)
            counts.words -= sum(table["words"].to_pylist())
            for name in table["id"].to_pylist():
                counts.drop(reason, f"{source.name}/{name}")
    return replace(source, counts=counts)


def _of_blocks(
    staged: Sequence[Staged], index: Index, splits: NDArray[np.uint8], groups: Keys
) -> Iterator[Ruled]:
    blocks = [kept.block for source in staged for kept in source.blocks]
    for block, start, end in zip(blocks, index.first, index.first[1:], strict=False):
        yield Ruled(block.path, block.size, splits[start:end].tobytes(), groups[start:end].tobytes())
