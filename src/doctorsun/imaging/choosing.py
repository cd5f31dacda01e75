"""Which pictures of a series, and of a study, a model or a reader is shown: policies with names."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from doctorsun.imaging.study import Plane

Policy = Literal["even", "middle", "first", "ends", "all"]
Cut = Literal["acquired", "axial", "coronal", "sagittal"]
# Beyond this ratio of the longest edge of a voxel to the middle one, a volume was taken as thick slices.
THICK = 1.5
# Up to this angle to a plane of the body, slices bear its name.
_OBLIQUE_COS = float(np.cos(np.deg2rad(30)))
_PLANES: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")


def choose(count: int, policy: Policy, most: int) -> tuple[int, ...]:
    """The chosen of `count` frames, in order, at most `most` unless the policy is `all`.

    `even`: the middle of each of `most` equal parts; `middle`: neighbours around the middle; `first`: from
    the start on (tiles of a slide are sorted by merit); `ends`: evenly, the first and the last among them.
    """
    number = min(count, max(most, 0))
    if policy == "all" or number == count:
        return tuple(range(count))
    if policy == "first":
        return tuple(range(number))
    if policy == "middle" or (policy == "ends" and number == 1):
        start = (count - number) // 2
        return tuple(range(start, start + number))
    if policy == "ends":
        return tuple(part * (count - 1) // (number - 1) for part in range(number))
    return tuple((2 * part + 1) * count // (2 * number) for part in range(number))


def shares(counts: Sequence[int], most: int) -> tuple[int, ...]:
    """How many pictures each series gives when all together give at most `most`.

    One each as long as there is one, then one more to the series that gives the least of its share: a scan
    of one picture is not drowned by a volume of hundreds.
    """
    given = [0] * len(counts)
    for _ in range(min(most, sum(counts))):
        open_ones = [place for place, count in enumerate(counts) if given[place] < count]
        given[min(open_ones, key=lambda place: (given[place], place))] += 1
    return tuple(given)


def cut_axis(affine: NDArray[np.float64], shape: tuple[int, int, int], cut: Cut) -> int:
    """The patient's axis (0 left-right, 1 front-back, 2 feet-head) across which a volume is sliced.

    `affine` takes voxels to mm. `acquired`: across the one axis of a single voxel, else across the longest
    edge of a voxel where that is more than THICK times the middle one (it was taken in such slices), else
    axial.
    """
    if cut != "acquired":
        return _PLANES.index(cut)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if shape.count(1) == 1:
        across = shape.index(1)
    elif edges.max() > THICK * np.median(edges):
        across = int(np.argmax(edges))
    else:
        return 2
    return int(np.abs(affine[:3, across]).argmax())


def plane_of(normal: NDArray[np.float64]) -> Plane:
    """The name of the plane whose normal in the patient's frame is given."""
    length = float(np.linalg.norm(normal))
    axis = int(np.abs(normal).argmax())
    if not length or abs(float(normal[axis])) < _OBLIQUE_COS * length:
        return "oblique"
    return _PLANES[axis]
