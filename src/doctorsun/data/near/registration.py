"""Whether two thumbnails show the same: laid on each other first, then compared by correlation, part by part.

Chest films, fundi and heads of different people correlate as whole pictures, since ribs, rims and skulls lie
at the same places. So the fine structure, made equally strong everywhere, has to agree in four fifths of the
small parts that have any, and no part may differ much. What is laid on each other differs by shift, scale and
mirror along the two axes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.differences import largest_difference
from doctorsun.data.near.laying import Floats, Placement, blur, correlation, lay, normal, part_sums
from doctorsun.data.near.looks import SIDE

# Tuned on one half of the sources, reported on the other: benchmarks/planted_leaks.py.
WORTH, WORTH_FINE = 0.65, 0.4
WHOLE = 0.95
PARTS = 0.7
DIFFERENCE = 0.55
LEAST_PARTS = 12
STEPS = 6
# What a crop of 5 % of the area may change, and a little: the logarithm of the area, pixels beyond the rim.
MOST_AREA = 0.1
MOST_BEYOND = 1.0
_LOW = 0.2
_PART, _STRIDE = 12, 4
# Grey levels of 255 below which fine structure is noise of the file format, and a part that holds no more.
_NOISE = 1.5
_EMPTY = 0.3


def show_the_same(ones: NDArray[np.uint8], twos: NDArray[np.uint8], start: Placement) -> NDArray[np.bool_]:
    """For each of some hundred pairs of thumbnails [n, 64, 64] whether both show the same.

    `start` says about where each of `twos` lies in its partner.
    """
    left, right = ones.astype(np.float32), twos.astype(np.float32)
    worth = np.flatnonzero(_worth_it(_half(left), _half(right), start.scaled(0.5)))
    found = np.zeros(len(ones), np.bool_)
    if len(worth):
        left, right = left[worth], right[worth]
        placed = register(left, right, start.some(worth))
        whole, parts = likeness(left, right, placed)
        alike = np.flatnonzero((whole >= WHOLE) & (parts >= PARTS) & _plausible(placed))
        laid, inside = lay(left[alike], placed.some(alike))
        equal = largest_difference(laid, right[alike], inside) <= DIFFERENCE
        found[worth[alike[equal]]] = True
    return found


def likeness(ones: Floats, twos: Floats, placed: Placement) -> tuple[Floats, Floats]:
    """Correlation of whole pictures, and the one a fifth of the parts stay below; -1 if few count."""
    laid, inside = lay(ones, placed)
    fine, _ = lay(_fine(ones), placed)
    return correlation(laid, twos, inside), _low_agreement(fine * inside, _fine(twos) * inside, inside)


def register(ones: Floats, twos: Floats, start: Placement) -> Placement:
    """Where `twos` lie in `ones`, by least squares (Lucas and Kanade 1981) from a placement close by."""
    soft, soft_twos = _half(ones), _half(twos)
    side = soft.shape[-1]
    across = (np.arange(side, dtype=np.float32) - (side - 1) / 2)[None, None, :]
    down = across.transpose(0, 2, 1)
    placed = start.scaled(0.5)
    for _ in range(STEPS):
        laid, inside = lay(soft, placed)
        here, spread = normal(laid, inside)
        left_over = normal(soft_twos, inside)[0] - here
        slope_y, slope_x = np.gradient(laid, axis=(1, 2))
        slope_x *= inside / (spread * placed.scale_x[:, None, None])
        slope_y *= inside / (spread * placed.scale_y[:, None, None])
        slopes = np.stack([slope_x * across, slope_x, slope_y * down, slope_y], axis=1)
        slopes = slopes.reshape(len(ones), 4, -1)
        placed = _moved(placed, _solved(slopes, left_over.reshape(len(ones), -1, 1)))
    return placed.scaled(2)


def _worth_it(ones: Floats, twos: Floats, start: Placement) -> NDArray[np.bool_]:
    """Whether pairs agree so far, before they are laid on each other with care, that they may be the same."""
    laid, inside = lay(ones, start)
    fine, _ = lay(ones - blur(ones, 1.5), start)
    whole = correlation(laid, twos, inside)
    return np.asarray((whole >= WORTH) & (correlation(fine, twos - blur(twos, 1.5), inside) >= WORTH_FINE))


def _plausible(placed: Placement) -> NDArray[np.bool_]:
    """Whether one picture lies within the other, but for a rim, and is nearly as large."""
    width, height = np.abs(placed.scale_x), np.abs(placed.scale_y)
    half = SIDE / 2
    beyond_one = np.maximum(half * width + np.abs(placed.shift_x), half * height + np.abs(placed.shift_y))
    beyond_two = np.maximum((half + np.abs(placed.shift_x)) / width, (half + np.abs(placed.shift_y)) / height)
    within = np.minimum(beyond_one, beyond_two) <= half + MOST_BEYOND
    return np.asarray(within & (np.abs(np.log(width * height)) <= MOST_AREA))


def _solved(slopes: Floats, left_over: Floats) -> Floats:
    """The step [n, 4] that least squares take, damped where a picture has no structure along an axis."""
    square = slopes @ slopes.transpose(0, 2, 1)
    damping = 1e-4 * np.trace(square, axis1=1, axis2=2)[:, None, None] + 1e-9
    damped = square + damping * np.eye(4, dtype=np.float32)
    return np.asarray(np.linalg.solve(damped, slopes @ left_over)[:, :, 0], np.float32)


def _moved(placed: Placement, step: Floats) -> Placement:
    scales, shifts = np.clip(step[:, (0, 2)], -0.03, 0.03), np.clip(step[:, (1, 3)], -1, 1)
    return replace(
        placed,
        scale_x=placed.scale_x + scales[:, 0],
        shift_x=placed.shift_x + shifts[:, 0],
        scale_y=placed.scale_y + scales[:, 1],
        shift_y=placed.shift_y + shifts[:, 1],
    )


def _half(pictures: Floats) -> Floats:
    upper, lower = pictures[:, ::2], pictures[:, 1::2]
    total = upper[:, :, ::2] + upper[:, :, 1::2] + lower[:, :, ::2] + lower[:, :, 1::2]
    return total * np.float32(0.25)


def _fine(pictures: Floats) -> Floats:
    """What is finer than about a tenth of the picture, equally strong everywhere where it is not noise."""
    fine = blur(pictures, 0.8) - blur(pictures, 3.0)
    strength = np.sqrt(blur(fine * fine, 2.0)) + np.float32(_NOISE)
    return np.asarray(fine / strength, np.float32)


def _low_agreement(ones: Floats, twos: Floats, inside: Floats) -> Floats:
    """The correlation that a fifth of the parts with structure stay below."""
    number = np.maximum(_sums(inside), 1)
    mean_1, mean_2 = _sums(ones) / number, _sums(twos) / number
    power_1 = np.maximum(_sums(ones * ones) / number - mean_1 * mean_1, 0)
    power_2 = np.maximum(_sums(twos * twos) / number - mean_2 * mean_2, 0)
    common = _sums(ones * twos) / number - mean_1 * mean_2
    power = np.sqrt(power_1 * power_2)
    counts = (power > _EMPTY * _EMPTY) & (number > 0.75 * _PART * _PART)
    agreement = np.where(counts, common / np.maximum(power, 1e-6), np.inf).reshape(len(ones), -1)
    used = counts.reshape(len(ones), -1).sum(axis=1)
    place = ((used - 1).clip(0) * _LOW).round().astype(np.int64)
    low = np.sort(agreement, axis=1)[np.arange(len(ones)), place]
    return np.where(used >= LEAST_PARTS, low, -1).astype(np.float32)


def _sums(pictures: Floats) -> Floats:
    return part_sums(pictures, _PART, _STRIDE)
