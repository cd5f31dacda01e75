"""Names of 16 bytes in sorted arrays: millions of ids, pixels and groups in little memory."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KEY_BYTES = 16
KEY = np.dtype(f"S{KEY_BYTES}")

Keys = NDArray[np.bytes_]
Numbers = NDArray[np.int64]


def key_of(text: str) -> bytes:
    """The key of a text: a hash of 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


def keys_of(texts: Iterable[str]) -> Keys:
    """The keys of many texts."""
    return as_keys(b"".join(map(key_of, texts)))


def as_keys(raw: bytes) -> Keys:
    """The keys that stand one after another in `raw`."""
    return np.frombuffer(raw, KEY)


def column_keys(column: pa.ChunkedArray | pa.Array) -> Keys:
    """The keys of an Arrow column of 16-byte values without nulls."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found = [as_keys(b"".join(chunk.to_pylist())) for chunk in chunks]
    return np.concatenate(found) if found else np.empty(0, KEY)


class Met:
    """The keys met so far, in sorted runs of growing length: 16 bytes a key, some searches a question."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        """How many different keys were met."""
        return sum(map(len, self._runs))

    def has(self, keys: Keys) -> NDArray[np.bool_]:
        """For each key whether it was met."""
        found = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            found |= run[place] == keys
        return found

    def fresh(self, keys: Keys) -> NDArray[np.bool_]:
        """For each key whether it is met here for the first time; all of them are met from then on."""
        first = np.zeros(len(keys), np.bool_)
        first[np.unique(keys, return_index=True)[1]] = True
        first &= ~self.has(keys)
        if first.any():
            self._runs.append(np.sort(keys[first]))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs[-2:] = [np.sort(np.concatenate(self._runs[-2:]))]
        return first

    def shared(self, other: "Met") -> int:
        """How many keys both have met."""
        return sum(int(other.has(run).sum()) for run in self._runs)


def components(one: Numbers, two: Numbers, number: int) -> Numbers:
    """For each of `number` nodes the least node that it is tied to by the edges `one[i]` - `two[i]`."""
    least = np.arange(number)
    while True:
        low = np.minimum(least[one], least[two])
        lower = least.copy()
        for ends in (least[one], least[two]):
            np.minimum.at(lower, ends, low)
        while not np.array_equal(lower, jumped := lower[lower]):
            lower = jumped
        if np.array_equal(lower, least):
            return least
        least = lower
