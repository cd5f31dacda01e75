"""Laying one thumbnail on another: placements, interpolation, correlation and blur of stacks of pictures."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
# Smaller shares of a pixel would only make the arithmetic slow.
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the pixel (x, y) of one picture, counted from the middle, lies in another: scale * x + shift."""

    scale_x: Floats
    shift_x: Floats
    scale_y: Floats
    shift_y: Floats

    def some(self, which: NDArray[np.int64]) -> "Placement":
        """The placements of a few pairs."""
        return Placement(*(getattr(self, name)[which] for name in self.__slots__))

    def scaled(self, by: float) -> "Placement":
        """The same placements between pictures `by` times as wide."""
        factor = np.float32(by)
        return replace(self, shift_x=self.shift_x * factor, shift_y=self.shift_y * factor)


def lay(pictures: Floats, placed: Placement) -> tuple[Floats, Floats]:
    """The pictures [n, side, side] where they are placed, and 1 where there is a picture, else 0."""
    across, in_x = _weights(placed.scale_x, placed.shift_x, pictures.shape[-1])
    down, in_y = _weights(placed.scale_y, placed.shift_y, pictures.shape[-1])
    laid = np.asarray(down @ pictures @ across.transpose(0, 2, 1), np.float32)
    return laid, in_y[:, :, None] * in_x[:, None, :]


def normal(pictures: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """The pictures with mean 0 and length 1 where they are inside, 0 elsewhere; and the length before."""
    number = np.maximum(np.einsum("nyx->n", inside), 1)[:, None, None]
    mean = np.einsum("nyx,nyx->n", pictures, inside)[:, None, None] / number
    centred = (pictures - mean) * inside
    length = np.sqrt(np.einsum("nyx,nyx->n", centred, centred) + np.float32(1e-6))[:, None, None]
    return centred / length, length


def correlation(ones: Floats, twos: Floats, inside: Floats) -> Floats:
    """The correlation [n] of two stacks of pictures where they are inside."""
    return np.asarray(np.einsum("nyx,nyx->n", normal(ones, inside)[0], normal(twos, inside)[0]))


def blur(pictures: Floats, sigma: float) -> Floats:
    """The pictures under a bell of `sigma` pixels."""
    kernel = _kernel(sigma, pictures.shape[-1])
    return np.asarray(kernel @ pictures @ kernel.T, np.float32)


def part_sums(pictures: Floats, part: int, stride: int) -> Floats:
    """The sums [n, parts, parts] over overlapping square parts."""
    rows = _parts(pictures.shape[-1], part, stride)
    return np.asarray(rows @ pictures @ rows.T, np.float32)


def _weights(scale: Floats, shift: Floats, side: int) -> tuple[Floats, Floats]:
    """For each pair the share of every pixel in every laid pixel, and which are inside."""
    pixels = np.arange(side, dtype=np.float32)
    middle = np.float32((side - 1) / 2)
    place = scale[:, None] * (pixels - middle) + shift[:, None] + middle
    inside = ((place > -0.5) & (place < side - 0.5)).astype(np.float32)
    inside[:, (0, -1)] = 0
    shares = np.float32(1) - np.abs(np.clip(place, 0, side - 1)[:, :, None] - pixels)
    return np.maximum(shares, np.float32(0)), inside


@cache
def _parts(side: int, part: int, stride: int) -> Floats:
    first = np.arange(0, side - part + 1, stride)[:, None]
    place = np.arange(side)
    return ((place >= first) & (place < first + part)).astype(np.float32)


@cache
def _kernel(sigma: float, side: int) -> Floats:
    place = np.arange(side)
    bell = np.exp(-0.5 * ((place[:, None] - place) / sigma) ** 2)
    bell[bell < _NEGLIGIBLE] = 0
    return np.asarray(bell / bell.sum(axis=1, keepdims=True), np.float32)
