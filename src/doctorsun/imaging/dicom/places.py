"""Where each frame of a DICOM file lies in the patient (DICOM PS3.3 C.7.6.2, C.7.6.16.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from doctorsun.imaging.dicom.elements import Group

_CENTIMETRES = 3
_TISSUE = 1


@dataclass(frozen=True, slots=True)
class Place:
    """One frame's place; what the file does not tell is null.

    `position` is the centre of the first pixel in mm (LPS), `orientation` the directions of a row and of a
    column, `spacing_mm` between rows and between columns.
    """

    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing_mm: tuple[float, float] | None = None
    thickness_mm: float | None = None


def place_of(groups: Sequence[Group]) -> Place:
    """The place that a file (or a frame's functional groups, nearest first) tells."""
    spacing = _spacing(groups)
    return Place(
        _numbers(first(groups, "PlanePositionSequence", "ImagePositionPatient"), 3),
        _numbers(first(groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6),
        (spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        number(first(groups, "PixelMeasuresSequence", "SliceThickness")),
    )


def moved(place: Place, offsets: Iterable[object]) -> tuple[Place, ...]:
    """The place of each frame of a dose grid (PS3.3 C.8.8.3.2): the first one, moved along its normal in mm.

    Offsets may count from the first plane or from the origin; only their differences matter.
    """
    known = [number(offset) for offset in offsets]
    if place.position is None or place.orientation is None or None in known or len(known) < 2:
        return (place,)
    normal = np.cross(np.array(place.orientation[:3]), np.array(place.orientation[3:]))
    ways = np.array(known, dtype=float) - float(known[0] or 0.0)
    spots = np.array(place.position) + ways[:, None] * normal
    return tuple(replace(place, position=tuple(map(float, spot))) for spot in spots)


def first(groups: Iterable[Group], sequence: str, keyword: str) -> object:
    """The value of an element in the first group that has it, in a functional group's item or plainly."""
    for group in groups:
        items = group.get(sequence)
        holder = items[0] if items else group
        value = holder.get(keyword)
        if value is not None and value != "":
            return value
    return None


def number(value: object) -> float | None:
    """A finite number, else null."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if isfinite(found) else None


def ultrasound_regions(elements: Group) -> tuple[tuple[int, int, int, int], ...]:
    """The boxes of an ultrasound picture's regions (PS3.3 C.8.5.5), right and bottom one past the end."""
    boxes = []
    for region in elements.get("SequenceOfUltrasoundRegions") or ():
        edges = [number(region.get(f"RegionLocation{edge}")) for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
        left, top, right, bottom = (int(edge) if edge is not None else -1 for edge in edges)
        if 0 <= left <= right and 0 <= top <= bottom:
            boxes.append((left, top, right + 1, bottom + 1))
    return tuple(boxes)


def ultrasound_spacing(elements: Group) -> tuple[float, float] | None:
    """The spacing (rows, columns) in mm of tissue regions that agree on one; else null."""
    found = set()
    for region in elements.get("SequenceOfUltrasoundRegions") or ():
        units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
        if units == (_CENTIMETRES, _CENTIMETRES) and region.get("RegionSpatialFormat") == _TISSUE:
            across, down = number(region.get("PhysicalDeltaX")), number(region.get("PhysicalDeltaY"))
            if across and down:
                found.add((round(abs(down) * 10, 6), round(abs(across) * 10, 6)))
    return found.pop() if len(found) == 1 else None


def _spacing(groups: Sequence[Group]) -> tuple[float, ...] | None:
    spacing = _numbers(first(groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = spacing or _numbers(groups[-1].get(keyword), 2)
    return spacing


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        return None
    found = [number(one) for one in value]
    if len(found) != count or None in found:
        return None
    return tuple(one for one in found if one is not None)
