"""The largest difference between two pictures laid on each other, wherever it is: a finding that one lacks.

Two heads may agree nearly everywhere while only one bleeds. Contrast, gamma and overexposure change a grey
level wherever it occurs; so the levels of one picture are first foretold from those of the other, then each
part is looked at by itself.
"""

import numpy as np

from doctorsun.data.near.laying import Floats, blur, part_sums

_LEVELS = 24
_PART, _STRIDE = 8, 4


def largest_difference(ones: Floats, twos: Floats, inside: Floats) -> Floats:
    """The largest difference [n] of any part, as a share of the spread of a whole picture."""
    soft_1, soft_2 = blur(ones, 0.7), blur(twos, 0.7)
    return np.maximum(_unforetold(soft_1, soft_2, inside), _unforetold(soft_2, soft_1, inside))


def _unforetold(given: Floats, wanted: Floats, inside: Floats) -> Floats:
    left_over = (wanted - _foretold(given, wanted, inside)) * inside
    number = np.maximum(part_sums(inside, _PART, _STRIDE), 1)
    power = part_sums(left_over * left_over, _PART, _STRIDE) / number * (number > _PART * _PART / 2)
    total = np.maximum(np.einsum("nyx->n", inside), 1)
    mean = np.einsum("nyx,nyx->n", wanted, inside) / total
    centred = (wanted - mean[:, None, None]) * inside
    spread = np.sqrt(np.einsum("nyx,nyx->n", centred, centred) / total)
    return np.asarray(np.sqrt(power.max(axis=(1, 2))) / np.maximum(spread, 1e-3), np.float32)


def _foretold(given: Floats, wanted: Floats, inside: Floats) -> Floats:
    """What `wanted` is on the average where `given` has a grey level, interpolated between 24 levels."""
    level = np.clip(given, 0, 255) * ((_LEVELS - 1) / 255)
    lower = np.minimum(level.astype(np.int64), _LEVELS - 2)
    upper_share = (level - lower).ravel()
    cell = (lower + (np.arange(len(given)) * _LEVELS)[:, None, None]).ravel()
    weight, value = inside.ravel(), (wanted * inside).ravel()
    cells = len(given) * _LEVELS
    total = np.bincount(cell, value * (1 - upper_share), cells)
    total += np.bincount(cell + 1, value * upper_share, cells)
    number = np.bincount(cell, weight * (1 - upper_share), cells)
    number += np.bincount(cell + 1, weight * upper_share, cells)
    mean = total / np.maximum(number, 1e-6)
    return np.asarray(mean[cell] * (1 - upper_share) + mean[cell + 1] * upper_share, np.float32).reshape(
        given.shape
    )
