"""Where a slide has tissue, from its overview, and in which order tiles of it are worth a look."""

import numpy as np
from numpy.typing import NDArray

# Below this difference of channels, stained tissue and glass cannot be told apart.
_LEAST_SATURATION = 12
_BLOCKS = 8
_BINS = 256


def tissue_mask(overview: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where an overview [height, width, 3] shows stained tissue: its colours are saturated (Otsu 1979).

    Glass is grey or white, whatever the light; so is pen in black, while coloured pen looks like tissue.
    """
    saturation = overview.max(axis=2).astype(np.int16) - overview.min(axis=2)
    mask: NDArray[np.bool_] = saturation > max(_LEAST_SATURATION, otsu(saturation.astype(np.uint8)))
    return mask


def otsu(levels: NDArray[np.uint8]) -> int:
    """The level that parts values in two classes with the greatest variance between them."""
    counts = np.bincount(levels.ravel(), minlength=_BINS).astype(np.float64)
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * np.arange(_BINS)).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nan_to_num(apart).argmax())


def shares_of_tissue(
    mask: NDArray[np.bool_], grid: tuple[int, int], step: tuple[float, float]
) -> NDArray[np.float64]:
    """The share of tissue 0..1 in each tile of a `grid` (rows, columns); each `step` pixels."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    sums[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    rows = _edges(grid[0], step[0], mask.shape[0])
    columns = _edges(grid[1], step[1], mask.shape[1])
    top, bottom, left, right = rows[:, :1], rows[:, 1:], columns[:, 0], columns[:, 1]
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    shares: NDArray[np.float64] = inside / ((bottom - top) * (right - left))
    return shares


def in_order(shares: NDArray[np.float64], least: float, most: int) -> tuple[list[tuple[int, int]], int]:
    """At most so many tiles (row, column) with a least share of tissue, and of how many they were chosen.

    Most tissue first, and spread: the grid is parted into blocks, and the best tile of every block comes
    before the second best of any; among equals the one with more tissue, then the upper, then the left one.
    """
    rows, columns = np.nonzero(shares >= least)
    values = shares[rows, columns]
    blocks = (rows * _BLOCKS // shares.shape[0]) * _BLOCKS + columns * _BLOCKS // shares.shape[1]
    order = np.lexsort((columns, rows, -values, blocks))
    rank = np.empty(len(order), np.intp)
    starts = np.r_[0, np.nonzero(np.diff(blocks[order]))[0] + 1] if len(order) else np.zeros(0, np.intp)
    lengths = np.diff(np.r_[starts, len(order)])
    rank[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    best = np.lexsort((columns, rows, -values, rank))
    return [(int(rows[place]), int(columns[place])) for place in best[:most]], len(best)


def _edges(count: int, step: float, limit: int) -> NDArray[np.intp]:
    """Where each part of an axis starts and ends [count, 2]; at least one pixel, inside the axis."""
    starts = np.clip(np.floor(np.arange(count) * step), 0, limit - 1).astype(np.intp)
    ends = np.clip(np.ceil(np.arange(1, count + 1) * step), starts + 1, limit).astype(np.intp)
    return np.stack([starts, ends], axis=1)
