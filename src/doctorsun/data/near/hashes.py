"""Hashes of a thumbnail, its crops and their mirror images: they propose which pictures are worth comparing.

A hash is the signs of the lowest frequencies (DCT-II, 8 x 8 without the constant): contrast and brightness do
not change it, and a mirror image changes the known half of its bits. Only whole pictures stand in the index;
their crops and mirror images are what looks them up, so an index takes one hash a picture.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.laying import Placement
from doctorsun.data.near.looks import SIDE, thumbnails

FREQUENCIES = 8
# What is cut off before and after along one axis, as shares of the side; 5 % of the area in all.
CUTS = ((0.0, 0.0), (0.025, 0.0), (0.0, 0.025), (0.05, 0.0), (0.0, 0.05), (0.025, 0.025))
MOST_CUT = 0.05
# Hashes of one picture in other sizes, qualities and contrasts differ in at most about this many of 63 bits.
RADIUS = 10
# Orders of the bits that the index is sorted by, and how many neighbours a look-up sees on either side.
TABLES = 12
WINDOW = 6
_BLOCK = 1024
_BITS = 64


@dataclass(frozen=True, slots=True)
class Crop:
    """What is cut off a picture along each axis, as shares of its width (`x`) and its height (`y`)."""

    x: tuple[float, float]
    y: tuple[float, float]


CROPS = tuple(Crop(x, y) for x in CUTS for y in CUTS if sum(x) + sum(y) <= MOST_CUT + 1e-9)


@dataclass(frozen=True, slots=True)
class Index:
    """The hashes of whole pictures, sorted by several orders of their bits; about 150 bytes a picture."""

    hashes: NDArray[np.uint64]
    sorted: tuple[NDArray[np.uint64], ...]
    order: tuple[NDArray[np.int32], ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """Pairs worth comparing: picture `one`, cropped and perhaps mirrored (`change`), may be picture `two`."""

    one: NDArray[np.int64]
    two: NDArray[np.int64]
    change: NDArray[np.int64]

    def some(self, which: NDArray[np.int64]) -> "Proposals":
        """A few of the pairs."""
        return Proposals(self.one[which], self.two[which], self.change[which])

    @property
    def start(self) -> Placement:
        """Where each `two` lies in its `one`, as far as the crop tells."""
        table = _placements()[self.change]
        return Placement(*(np.ascontiguousarray(column) for column in table.T))


def index(looks: NDArray[np.uint8], rows: NDArray[np.int64]) -> Index:
    """An index of some rows of looks [n, LOOK_BYTES], which may lie on disk; places are those in `rows`."""
    blocks = range(0, len(rows), _BLOCK)
    parts = [_hashes(thumbnails(looks[rows[at : at + _BLOCK]]), CROPS[0]) for at in blocks]
    whole = np.concatenate([np.zeros(0, np.uint64), *parts])
    tables, orders = [], []
    for number in range(TABLES):
        reordered = _reordered(whole, number)
        order = np.argsort(reordered, kind="stable").astype(np.int32)
        tables.append(reordered[order])
        orders.append(order)
    return Index(whole, tuple(tables), tuple(orders))


def propose(thumbs: NDArray[np.uint8], known: Index) -> Proposals:
    """For thumbnails [n, 64, 64] the pictures of an index that they, cropped or mirrored, may be."""
    pairs: list[NDArray[np.int64]] = []
    ways: list[NDArray[np.int64]] = []
    for number, crop in enumerate(CROPS):
        plain = _hashes(thumbs, crop)
        for mirrored, asked in enumerate((plain, plain ^ _mirror_mask())):
            pair, distance = _near(asked, known)
            pairs.append(pair)
            ways.append(distance * 2 * len(CROPS) + 2 * number + mirrored)
    pair, way = np.concatenate(pairs), np.concatenate(ways)
    first = np.lexsort((way, pair))
    pair, way = pair[first], way[first]
    best = np.flatnonzero(np.diff(pair, prepend=-1))
    one, two = np.divmod(pair[best], max(len(known.hashes), 1))
    return Proposals(one, two, way[best] % (2 * len(CROPS)))


def _near(asked: NDArray[np.uint64], known: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs `asked * n + known` within the radius among the neighbours in every table, and their distance."""
    size = len(known.hashes)
    beside = np.arange(-WINDOW, WINDOW)
    pairs, distances = [], []
    for number in range(TABLES):
        place = np.searchsorted(known.sorted[number], _reordered(asked, number))[:, None] + beside
        inside = (place >= 0) & (place < size)
        found = known.order[number][place.clip(0, max(size - 1, 0))]
        distance = np.bitwise_count(known.hashes[found] ^ asked[:, None])
        row, column = np.nonzero(inside & (distance <= RADIUS))
        pairs.append(row * size + found[row, column])
        distances.append(distance[row, column].astype(np.int64))
    return np.concatenate(pairs), np.concatenate(distances)


def _hashes(thumbs: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint64]:
    """The 63 bits of what a crop leaves of each thumbnail [n, 64, 64]."""
    across, down = _waves(crop.x), _waves(crop.y)
    bits = ((down @ thumbs.astype(np.float32)) @ across.T > 0).reshape(len(thumbs), _BITS)
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


@cache
def _mirror_mask() -> np.uint64:
    """The bits in which a picture and its mirror image are opposite: the odd frequencies across."""
    odd = np.zeros((FREQUENCIES, FREQUENCIES), np.bool_)
    odd[:, 1::2] = True
    return np.uint64(np.packbits(odd.reshape(1, _BITS), axis=1).view(np.uint64)[0, 0])


@cache
def _waves(cut: tuple[float, float]) -> NDArray[np.float32]:
    """The cosines [8, 64] over what a cut leaves of one axis, none with a constant share."""
    first, last = cut[0] * SIDE, (1 - cut[1]) * SIDE
    place = np.arange(SIDE)
    share = np.clip(np.minimum(place + 1, last) - np.maximum(place, first), 0, 1)
    frequency = np.arange(FREQUENCIES)[:, None]
    waves = np.cos(np.pi * frequency * (place + 0.5 - first) / (last - first)) * share
    waves[1:] -= share * (waves[1:].sum(axis=1, keepdims=True) / share.sum())
    return np.asarray(waves, np.float32)


@cache
def _placements() -> NDArray[np.float32]:
    """For each crop, plain and mirrored: scale and shift across, scale and shift down."""
    rows = []
    for crop in CROPS:
        (left, right), (top, bottom) = crop.x, crop.y
        width, height = 1 - left - right, 1 - top - bottom
        for side in (1, -1):
            rows.append((side * width, (left - right) / 2 * SIDE, height, (top - bottom) / 2 * SIDE))
    return np.array(rows, np.float32)


@cache
def _bit_order(number: int) -> NDArray[np.int64]:
    return np.random.default_rng(number).permutation(_BITS)


def _reordered(hashes: NDArray[np.uint64], number: int) -> NDArray[np.uint64]:
    """The hashes with their bits in one of the orders of the tables, as numbers that sort by it."""
    bits = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1)[:, _bit_order(number)]
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u8")[:, 0].astype(np.uint64)
