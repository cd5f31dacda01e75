"""Estimates with 95 % intervals, by a bootstrap over whole groups (patients, lesions, pictures).

Items of one group are alike, so groups are drawn, not items: a resample of G groups weighs each group by how
often it was drawn (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8; percentile interval).
Shapes: n items, G groups, R resamples, K conditions, C cells (one for a class of a question key, or one).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_KEPT = 40_000_000
_BLOCK = 8_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value over `n` items of `groups` groups; no interval where there are fewer than two groups."""

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


class Bootstrap:
    """The resamples of one set of items: the same draw for every condition, so differences are paired."""

    def __init__(self, groups: Sequence[str], *, resamples: int, seed: int) -> None:
        names, self.codes = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
        self.count = len(names)
        self.resamples = resamples
        self.seed = seed
        self._kept: list[Floats] | None = None

    def weights(self) -> Iterator[Floats]:
        """How often each group is drawn, block by block, [some of R, G]."""
        if self._kept is not None:
            yield from self._kept
            return
        keep: list[Floats] = []
        small = self.count * self.resamples <= _KEPT
        rng = np.random.default_rng(self.seed)
        rows = max(1, _BLOCK // max(self.count, 1))
        for start in range(0, self.resamples, rows):
            block = _draw(rng, min(rows, self.resamples - start), self.count)
            if small:
                keep.append(block)
            yield block
        if small:
            self._kept = keep


@dataclass(frozen=True, slots=True)
class Cells:
    """Where each item counts: `codes` names its cell; the mean goes over cells of a key, then over keys."""

    codes: Codes
    keys: Codes

    @staticmethod
    def single(n: int) -> "Cells":
        """One cell for all items: a plain mean."""
        return Cells(np.zeros(n, dtype=np.int64), np.zeros(1, dtype=np.int64))

    @staticmethod
    def classes(keys: Sequence[str], labels: Sequence[str]) -> "Cells":
        """A cell for every label of every question key: the mean is balanced accuracy."""
        pairs = [f"{key}\x1f{label}" for key, label in zip(keys, labels, strict=True)]
        names, codes = np.unique(np.asarray(pairs, dtype=object).astype(str), return_inverse=True)
        owners = [name.split("\x1f")[0] for name in names]
        _, owner_codes = np.unique(np.asarray(owners, dtype=object).astype(str), return_inverse=True)
        return Cells(codes.astype(np.int64), owner_codes.astype(np.int64))


def estimates(marks: Floats, cells: Cells, bootstrap: Bootstrap) -> list[Estimate | None]:
    """The estimate of every condition of `marks` [n, K]; NaN is an item not asked; null over nothing."""
    point, spread = _statistics(marks, cells, bootstrap)
    return [
        _estimate(point[k], spread[:, k], ~np.isnan(marks[:, k]), bootstrap) for k in range(marks.shape[1])
    ]


def difference(first: Floats, second: Floats, cells: Cells, bootstrap: Bootstrap) -> Estimate | None:
    """The estimate of first minus second [n] over the items that have both; null where none has."""
    both = ~np.isnan(first) & ~np.isnan(second)
    paired = np.where(both[:, None], np.stack([first, second], axis=1), np.nan)
    point, spread = _statistics(paired, cells, bootstrap)
    return _estimate(point[0] - point[1], spread[:, 0] - spread[:, 1], both, bootstrap)


def _draw(rng: np.random.Generator, rows: int, count: int) -> Floats:
    drawn = rng.integers(0, count, size=(rows, count)) + np.arange(rows)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def _statistics(marks: Floats, cells: Cells, bootstrap: Bootstrap) -> tuple[Floats, Floats]:
    """The statistic of each condition [K], and of each resample [R, K]."""
    conditions = marks.shape[1]
    width = len(cells.keys)
    asked = ~np.isnan(marks)
    sums = np.zeros((bootstrap.count, conditions, width))
    counts = np.zeros_like(sums)
    for k in range(conditions):
        np.add.at(sums[:, k], (bootstrap.codes, cells.codes), np.where(asked[:, k], marks[:, k], 0.0))
        np.add.at(counts[:, k], (bootstrap.codes, cells.codes), asked[:, k].astype(np.float64))
    point = _mean_of_cells(sums.sum(axis=0)[None], counts.sum(axis=0)[None], cells.keys)[0]
    flat_sums, flat_counts = sums.reshape(bootstrap.count, -1), counts.reshape(bootstrap.count, -1)
    blocks = [
        _mean_of_cells(
            (weights @ flat_sums).reshape(-1, conditions, width),
            (weights @ flat_counts).reshape(-1, conditions, width),
            cells.keys,
        )
        for weights in bootstrap.weights()
    ]
    return point, np.concatenate(blocks)


def _mean_of_cells(sums: Floats, counts: Floats, keys: Codes) -> Floats:
    """The mean over keys of the mean over the cells of a key that hold an item; [., K, C] -> [., K]."""
    held = counts > 0
    rates = np.divide(sums, counts, out=np.zeros_like(sums), where=held)
    owner = np.zeros((len(keys), int(keys.max()) + 1))
    owner[np.arange(len(keys)), keys] = 1.0
    cells_of_key = held.astype(np.float64) @ owner
    has = cells_of_key > 0
    per_key = np.divide(rates @ owner, cells_of_key, out=np.zeros_like(cells_of_key), where=has)
    number = has.sum(axis=-1)
    means: Floats = np.full(number.shape, np.nan)
    np.divide(per_key.sum(axis=-1), number, out=means, where=number > 0)
    return means


def _estimate(
    value: float, spread: Floats, items: NDArray[np.bool_], bootstrap: Bootstrap
) -> Estimate | None:
    n = int(items.sum())
    if n == 0:
        return None
    groups = len(np.unique(bootstrap.codes[items]))
    found = spread[~np.isnan(spread)]
    if groups < 2 or len(found) == 0:
        return Estimate(float(value), None, None, n, groups)
    low, high = np.percentile(found, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), n, groups)
