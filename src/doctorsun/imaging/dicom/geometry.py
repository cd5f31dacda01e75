"""Order, spacing and faults of a stack of slices, from where they lie (DICOM PS3.3 C.7.6.2.1.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from doctorsun.imaging.choosing import plane_of
from doctorsun.imaging.dicom.places import Place
from doctorsun.imaging.study import Geometry

# Two slices nearer than this lie at one place.
SAME_MM = 0.01
_TILT_DEGREES = 0.5
_IRREGULAR = 0.05
_MOSTLY = 0.2


@dataclass(frozen=True, slots=True)
class Stack:
    """What the places of ordered slices tell: `gaps_mm` along the normal, and what is odd about them.

    `missing` holds pairs (after slice number, how many), counted from 1.
    """

    spacing_mm: float | None
    missing: tuple[tuple[int, int], ...]
    irregular_mm: tuple[float, float] | None
    tilt_degrees: float | None


@lru_cache(maxsize=256)
def normal_of(orientation: tuple[float, ...]) -> NDArray[np.float64]:
    """The direction across a slice, row x column, of length 1; zero where the two are one."""
    x, y, z, u, v, w = orientation
    across = np.array((y * w - z * v, z * u - x * w, x * v - y * u))
    length = float(np.linalg.norm(across))
    normal = across / length if length > 0 else across
    normal.setflags(write=False)
    return normal


def depth_mm(place: Place) -> float | None:
    """How far along its normal a slice lies; null where the file does not tell."""
    if place.position is None or place.orientation is None:
        return None
    return float(normal_of(place.orientation) @ np.array(place.position))


def stack_of(places: Sequence[Place]) -> Stack:
    """What the places of slices in their order tell; nothing where there are fewer than two."""
    depths = [depth_mm(place) for place in places]
    known = np.array([depth for depth in depths if depth is not None])
    if len(known) < 2 or len(known) < len(places):
        return Stack(None, (), None, None)
    gaps = np.diff(known)
    spacing = float(np.median(gaps))
    if spacing < SAME_MM:
        return Stack(None, (), None, None)
    missing = _missing(gaps, spacing)
    whole = np.array([gap for gap in gaps if abs(gap - spacing) > _IRREGULAR * spacing])
    irregular = None
    if len(whole) and not missing:
        irregular = (float(gaps.min()), float(gaps.max()))
    return Stack(spacing, missing, irregular, _tilt(places))


def geometry_of(place: Place, spacing_mm: float | None, step: NDArray[np.float64] | None) -> Geometry:
    """The geometry of a slice, or of a stack by its first slice; `step` leads to the next slice in mm."""
    if place.orientation is None:
        return Geometry(place.spacing_mm, spacing_mm, place.thickness_mm)
    return Geometry(
        place.spacing_mm,
        spacing_mm,
        place.thickness_mm,
        plane_of(normal_of(place.orientation)),
        _affine(place, spacing_mm, step),
    )


def step_of(places: Sequence[Place], spacing_mm: float | None) -> NDArray[np.float64] | None:
    """The way from a slice to the next in mm, its shear kept; null where it is not known."""
    way = _way(places)
    if way is None or spacing_mm is None or places[0].orientation is None:
        return None
    return way * (spacing_mm / float(way @ normal_of(places[0].orientation)))


def _way(places: Sequence[Place]) -> NDArray[np.float64] | None:
    """From the first slice to the last."""
    start, end = places[0].position, places[-1].position
    if start is None or end is None or len(places) < 2:
        return None
    way = np.array(end) - np.array(start)
    return way if float(np.linalg.norm(way)) >= SAME_MM else None


def _missing(gaps: NDArray[np.float64], spacing: float) -> tuple[tuple[int, int], ...]:
    """Gaps that are whole multiples of the spacing; too many of them are no holes but another spacing."""
    times = np.rint(gaps / spacing).astype(int)
    holes = (times >= 2) & (np.abs(gaps - times * spacing) <= _IRREGULAR * spacing * times)
    odd = np.abs(gaps - spacing) > _IRREGULAR * spacing
    if (odd & ~holes).any() or holes.sum() > max(1, _MOSTLY * len(gaps)):
        return ()
    return tuple((int(place) + 1, int(times[place]) - 1) for place in np.flatnonzero(holes))


def _tilt(places: Sequence[Place]) -> float | None:
    """The angle in degrees between the way of the table and the normal of the slices; null for none."""
    way, orientation = _way(places), places[0].orientation
    if way is None or orientation is None:
        return None
    along = float(way @ normal_of(orientation)) / float(np.linalg.norm(way))
    degrees = float(np.degrees(np.arccos(np.clip(along, -1, 1))))
    return degrees if degrees > _TILT_DEGREES else None


def _affine(
    place: Place, spacing_mm: float | None, step: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    if place.position is None or place.orientation is None or place.spacing_mm is None:
        return None
    affine = np.eye(4)
    between_rows, between_columns = place.spacing_mm
    affine[:3, 0] = np.array(place.orientation[:3]) * between_columns
    affine[:3, 1] = np.array(place.orientation[3:]) * between_rows
    thickness = spacing_mm or place.thickness_mm or 1.0
    affine[:3, 2] = step if step is not None else normal_of(place.orientation) * thickness
    affine[:3, 3] = place.position
    return affine
