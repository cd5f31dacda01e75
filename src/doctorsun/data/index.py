"""What splitting and comparing need of all staged records: some 60 bytes a record, in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.blocks import index_of
from doctorsun.data.keys import KEY, Keys, Numbers, column_keys, keys_of
from doctorsun.data.split import Codes
from doctorsun.data.stage import Staged


@dataclass(frozen=True, slots=True)
class Index:
    """All staged records in order, n of them: what splitting and comparing need, some 60 bytes each.

    `source` [n] is the place of a record's source in the list, `first` [b + 1] where each block begins.
    `marked` are those whose answer is one of few: two such questions differ although their words hardly do.
    """

    source: NDArray[np.int16]
    ids: Keys
    groups: Keys
    official: Codes
    tested: NDArray[np.bool_]
    marked: NDArray[np.bool_]
    used: NDArray[np.bool_]
    twin_of: Numbers
    twins: Keys
    first: Numbers


def index_all(staged: Sequence[Staged]) -> Index:
    """The index of all blocks, in the order of the sources."""
    columns: dict[str, list[NDArray[np.generic]]] = {
        name: [] for name in (field.name for field in fields(Index))
    }
    columns["first"].append(np.zeros(1, np.int64))
    start = 0
    for at, source in enumerate(staged):
        for kept in source.blocks:
            table = index_of(kept.block.path, ("id", "group", "split", "tested", "marked", "twins"))
            twins = table["twins"].combine_chunks()
            lengths = np.diff(twins.offsets.to_numpy())
            columns["source"].append(np.full(len(table), at, np.int16))
            columns["ids"].append(keys_of(table["id"].to_pylist()))
            columns["groups"].append(column_keys(table["group"]))
            columns["official"].append(table["split"].to_numpy())
            columns["tested"].append(table["tested"].to_numpy())
            columns["marked"].append(table["marked"].to_numpy())
            columns["used"].append(kept.used)
            columns["twin_of"].append(start + np.repeat(np.arange(len(table)), lengths))
            columns["twins"].append(column_keys(twins.flatten()))
            start += len(table)
            columns["first"].append(np.array([start]))
    kinds = {"ids": KEY, "groups": KEY, "twins": KEY, "source": np.dtype(np.int16)}
    kinds |= {"official": np.dtype(np.int8), "tested": np.dtype(bool), "used": np.dtype(bool)}
    kinds |= {"marked": np.dtype(bool)}
    return Index(
        **{
            name: np.concatenate([np.empty(0, kinds.get(name, np.dtype(np.int64))), *found])
            for name, found in columns.items()
        }
    )
