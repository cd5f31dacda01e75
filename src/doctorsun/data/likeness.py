"""Records that nearly equal others: which go together, and which are left out since another says the same."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from doctorsun.core.progress import reporter
from doctorsun.data.blocks import index_of
from doctorsun.data.config import DataConfig
from doctorsun.data.fingerprint import code_fingerprint
from doctorsun.data.index import Index
from doctorsun.data.keys import Met, Numbers
from doctorsun.data.near.looks import LOOK_BYTES
from doctorsun.data.near.pictures import confirmed_pairs
from doctorsun.data.near.texts import PRINT_BYTES, near_texts
from doctorsun.data.shelf import Shelf
from doctorsun.data.split import TEST
from doctorsun.data.stage import Staged
from doctorsun.data.storing import whole_file

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Prints:
    """Fixed numbers of bytes [n, width] in a file, memory-mapped, and the record [n] that each is of.

    `places` [n] says which one it is among all values of that column.
    """

    rows: Bytes
    records: Numbers
    places: Numbers


@dataclass(frozen=True, slots=True)
class Likeness:
    """`pairs` [p, 2] of records that go to one side of the split, and a mask of those that are left out."""

    pairs: Numbers
    left_out: NDArray[np.bool_]


def looks(staged: Sequence[Staged], index: Index, shelf: Shelf) -> Prints:
    """The look of every different picture, with the first record that shows it."""
    met, per_record = Met(), np.bincount(index.twin_of, minlength=len(index.used))
    start = np.concatenate([[0], np.cumsum(per_record)])

    def fresh(first: int, table: pa.Table) -> NDArray[np.bool_]:
        twins = index.twins[start[first] : start[first + len(table)]]
        shown = np.repeat(index.used[first : first + len(table)], per_record[first : first + len(table)])
        with_look = np.repeat(_lengths(table["looks"]) > 0, per_record[first : first + len(table)])
        new: NDArray[np.bool_] = (met.fresh(twins) & shown)[with_look]
        return new

    return collect(staged, index, shelf, ("looks", LOOK_BYTES), fresh)


def text_prints(staged: Sequence[Staged], index: Index, shelf: Shelf) -> Prints:
    """The print of every record of words alone."""

    def used(first: int, table: pa.Table) -> NDArray[np.bool_]:
        printed = table["text_print"].is_valid().to_numpy()
        chosen: NDArray[np.bool_] = index.used[first : first + len(table)][printed]
        return chosen

    return collect(staged, index, shelf, ("text_print", PRINT_BYTES), used)


def compared(config: DataConfig) -> bool:
    """Whether a recipe asks for near pictures, and pixels are looked at."""
    return config.near.pictures and config.pictures.check == "full"


def near_duplicates(staged: Sequence[Staged], index: Index, config: DataConfig, shelf: Shelf) -> Likeness:
    """Confirmed pictures and near-equal texts of the sources; of free texts of one source one stays."""
    pairs = [np.empty((0, 2), np.int64)]
    left_out = np.zeros(len(index.used), np.bool_)
    if compared(config):
        found = looks(staged, index, shelf)
        near = _kept("pictures", found, confirmed_pairs, staged, shelf)
        pairs.append(found.records[near])
    if config.near.texts:
        found = text_prints(staged, index, shelf)
        near = found.records[_kept("texts", found, near_texts, staged, shelf)]
        # Of two examination questions one word can turn the answer: they are kept together, not left out.
        same = (index.source[near] == index.source[near[:, :1]]).all(axis=1) & ~index.marked[near].all(axis=1)
        left_out[_superfluous(near[same], index)] = True
        pairs.append(near[~same])
    return Likeness(np.concatenate(pairs), left_out)


def _superfluous(pairs: Numbers, index: Index) -> list[int]:
    """Records that nearly equal one that stays: what a benchmark tests with, else the least hash of an id."""
    near: dict[int, list[int]] = {}
    for one, two in pairs.tolist():
        near.setdefault(one, []).append(two)
        near.setdefault(two, []).append(one)
    places = np.array(sorted(near), np.int64)
    ranked = places[np.lexsort([index.ids[places], index.official[places] != TEST])]
    stays: set[int] = set()
    for place in ranked.tolist():
        if index.official[place] == TEST or not stays.intersection(near[place]):
            stays.add(place)
    return sorted(set(near) - stays)


def _kept(
    name: str,
    prints: Prints,
    find: Callable[[Bytes], Numbers],
    staged: Sequence[Staged],
    shelf: Shelf,
) -> Numbers:
    """The near pairs [p, 2] of prints, found before or now."""
    digest = hashlib.sha256(code_fingerprint().encode() + prints.records.tobytes())
    for source in staged:
        for kept in source.blocks:
            digest.update(kept.block.path.name.encode())
    path = shelf.use(shelf.place / f"near-{name}-{digest.hexdigest()[:32]}.npy")
    if path.is_file():
        return np.asarray(np.load(path), np.int64)
    reporter().step(f"data.step_near_{name}", 0, len(prints.records))
    pairs = find(prints.rows) if len(prints.records) > 1 else np.empty((0, 2), np.int64)
    reporter().step(f"data.step_near_{name}", len(prints.records), len(prints.records))
    with whole_file(path) as aside, aside.open("wb") as file:
        np.save(file, pairs)
    return pairs


def collect(
    staged: Sequence[Staged],
    index: Index,
    shelf: Shelf,
    column: tuple[str, int],
    chosen: Callable[[int, pa.Table], NDArray[np.bool_]],
) -> Prints:
    """The values of a column of all blocks that are `chosen` among those a block has, in one raw file."""
    name, width = column
    records, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    done = 0
    path = shelf.place / f"{name}.raw"
    blocks = [kept.block.path for source in staged for kept in source.blocks]
    columns = (name, "looks") if name == "looks" else (name,)
    with whole_file(path) as aside, aside.open("wb") as file:
        for block, first in zip(blocks, index.first.tolist(), strict=False):
            table = index_of(block, tuple(dict.fromkeys(columns)))
            values, owners = _values(table[name])
            mask = chosen(first, table)
            file.write(b"".join(values.filter(pa.array(mask)).to_pylist()))
            records.append(first + owners[mask])
            places.append(done + np.flatnonzero(mask))
            done += len(mask)
    owners = np.concatenate(records)
    return Prints(mapped(path, len(owners), width), owners, np.concatenate(places))


def _values(column: pa.ChunkedArray) -> tuple[pa.Array, Numbers]:
    """The values of a column, or of its lists, without nulls, and the row of each."""
    whole = column.combine_chunks()
    if pa.types.is_list(whole.type):
        return whole.flatten(), np.repeat(np.arange(len(whole)), _lengths(column))
    return whole.drop_null(), np.flatnonzero(whole.is_valid().to_numpy(zero_copy_only=False))


def _lengths(column: pa.ChunkedArray) -> Numbers:
    lengths = column.combine_chunks().value_lengths()
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def mapped(path: Path, number: int, width: int) -> Bytes:
    """The rows [number, width] of a raw file, read as they are asked for."""
    if not number:
        return np.empty((0, width), np.uint8)
    return np.memmap(path, np.uint8, "r", shape=(number, width))
