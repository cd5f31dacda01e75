"""Hashes of a thumbnail, its crops and their mirror images; they propose which pictures are worth comparing.

A hash is the signs of the lowest frequencies (DCT-II, 8 x 8 without the constant): contrast and brightness do
not change it, and a mirror image changes the known half of its bits. Only the whole picture is looked up; all
crops look for it, so an index holds one hash a picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.looks import SIDE

FREQUENCIES = 8
# What is cut off before and after along one axis, as shares of the side.
CUTS = ((0.0, 0.0), (0.025, 0.0), (0.0, 0.025), (0.05, 0.0), (0.0, 0.05), (0.025, 0.025))
MOST_CUT = 0.05
# Hashes of one picture under changes of size, quality and contrast differ in at most this many of 63 bits.
RADIUS = 12
TABLES = 12
WINDOW = 6
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Crop:
    """What is cut off a picture along each axis, as shares of its width (`x`) and height (`y`)."""

    x: tuple[float, float]
    y: tuple[float, float]


CROPS = tuple(
    Crop(x, y) for x in CUTS for y in CUTS if sum(x) + sum(y) <= MOST_CUT + 1e-9
)


@dataclass(frozen=True, slots=True)
class Proposals:
    """Pairs worth comparing: the picture `one`, cropped by `CROPS[crop]`, mirrored or not, may be `two`."""

    one: NDArray[np.int64]
    two: NDArray[np.int64]
    crop: NDArray[np.int8]
    mirrored: NDArray[np.bool_]


def hashes(thumbs: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint64]:
    """The 63-bit hash of each thumbnail [n, 64, 64], of what the crop leaves of it."""
    across, down = _waves(crop.x), _waves(crop.y)
    found = np.empty(len(thumbs), np.uint64)
    for start in range(0, len(thumbs), _BLOCK):
        some = thumbs[start : start + _BLOCK].astype(np.float32)
        waves = (down @ some) @ across.T
        bits = (waves > 0).reshape(len(some), -1)
        bits[:, 0] = False
        found[start : start + _BLOCK] = np.packbits(bits, axis=1).view(">u8")[:, 0]
    return found


@cache
def mirror_mask() -> np.uint64:
    """The bits that a picture and its mirror image have opposite: the odd frequencies across."""
    odd = np.zeros((FREQUENCIES, FREQUENCIES), np.bool_)
    odd[:, 1::2] = True
    return np.uint64(np.packbits(odd.reshape(1, -1), axis=1).view(">u8")[0, 0])


@cache
def _waves(cut: tuple[float, float]) -> NDArray[np.float32]:
    """The cosines [8, 64] over what a cut leaves of one axis, without a constant share."""
    first, last = cut[0] * SIDE, (1 - cut[1]) * SIDE
    place = np.arange(SIDE)
    share = np.clip(np.minimum(place + 1, last) - np.maximum(place, first), 0, 1)
    frequency = np.arange(FREQUENCIES)[:, None]
    waves = np.cos(np.pi * frequency * (place + 0.5 - first) / (last - first)) * share
    waves[1:] -= share * (waves[1:].sum(axis=1, keepdims=True) / share.sum())
    return np.asarray(waves, np.float32)
