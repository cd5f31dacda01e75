"""One DICOM file's header -> a small frozen record; the pixels stay where they are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from doctorsun.core.errors import RecordError
from doctorsun.imaging.archive import Entry
from doctorsun.imaging.dicom import kinds, tags
from doctorsun.imaging.dicom.damage import damage_named
from doctorsun.imaging.dicom.elements import Elements, Group, PixelElement, parsed
from doctorsun.imaging.dicom.facts import facts_of
from doctorsun.imaging.dicom.layout import Layout, check_layout, layout_of
from doctorsun.imaging.dicom.places import (
    Place,
    moved,
    number,
    place_of,
    ultrasound_regions,
    ultrasound_spacing,
)
from doctorsun.imaging.dicom.places import first as first_of
from doctorsun.imaging.dicom.source import open_dicom
from doctorsun.imaging.dicom.values import Scale, Unit, scale_of, unit_of
from doctorsun.imaging.study import USUAL_LIMITS, Facts, Remark, StudyLimits

T = TypeVar("T")


@lru_cache(maxsize=1024)
def _kept_once(value: T) -> T:
    """The first of equal records: the slices of a series share what is the same in all."""
    return value


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a file: enough to group and order its frames and to decode one without a second look.

    `places`, `scales`, `ranks` and `segments` have one value for all frames or one a frame. `offset` and
    `length` find the value of the pixel element (`length` null: encapsulated). `rank` orders what lies at
    one place: time, echo, diffusion, trigger, acquisition, instance.
    """

    entry: Entry
    sop_class: str
    sop_uid: str
    series_uid: str
    series_number: float
    layout: Layout
    offset: int
    length: int | None
    facts: Facts
    unit: Unit
    places: tuple[Place, ...]
    scales: tuple[Scale, ...]
    ranks: tuple[tuple[float, ...], ...]
    segments: tuple[int, ...]
    regions: tuple[tuple[int, int, int, int], ...]
    is_localizer: bool
    has_tables: bool
    offset_table: tuple[bytes, bytes] | None
    remarks: tuple[Remark, ...]


def one_of(values: tuple[T, ...], index: int) -> T:
    """The value of frame number `index` where all may share one."""
    return values[index] if len(values) > 1 else values[0]


def read_header(entry: Entry, limits: StudyLimits = USUAL_LIMITS) -> Header:
    """The record of a file; RecordError where it is damaged, beyond the limits, or holds no picture."""
    with damage_named(entry.name), open_dicom(entry, limits) as file:
        dataset, pixels = parsed(file, limits)
        elements = Elements(dataset)
        if pixels is None:
            raise _without_pixels(elements, entry.name)
        layout = layout_of(elements, pixels)
        check_layout(layout, pixels.length, file_left=pixels.left, where=entry.name, limits=limits)
        return _header(entry, elements, layout, pixels)


def _without_pixels(elements: Elements, where: str) -> RecordError:
    sop_class = str(elements.get("SOPClassUID") or elements.meta.get("MediaStorageSOPClassUID") or "")
    if not sop_class and not elements.is_part_10 and not elements.meta:
        return RecordError("imaging.bad_dicom", where=where)
    return RecordError(kinds.pictureless(sop_class), where=where)


def _header(entry: Entry, elements: Elements, layout: Layout, pixels: PixelElement) -> Header:
    groups = _functional_groups(elements, layout.frames)
    scales = _shared(scale_of, groups)
    unit, remarks = unit_of(elements, scales[0], entry.name)
    table, lengths = elements.get("ExtendedOffsetTable"), elements.get("ExtendedOffsetTableLengths")
    return Header(
        entry=entry,
        sop_class=str(elements.get("SOPClassUID") or ""),
        sop_uid=str(elements.get("SOPInstanceUID") or ""),
        series_uid=str(elements.get("SeriesInstanceUID") or ""),
        series_number=number(elements.get("SeriesNumber")) or 0.0,
        layout=_kept_once(layout),
        offset=pixels.offset,
        length=pixels.length,
        facts=_kept_once(facts_of(elements, groups[0])),
        unit=_kept_once(unit),
        places=_places(elements, groups, layout.frames),
        scales=_kept_once(scales),
        ranks=_shared(_rank, groups),
        segments=_shared(_segment, groups),
        regions=ultrasound_regions(elements),
        is_localizer="LOCALIZER" in (elements.get("ImageType") or ()),
        has_tables=_has_tables(elements, layout),
        offset_table=(bytes(table), bytes(lengths)) if table and lengths else None,
        remarks=remarks,
    )


def _functional_groups(elements: Elements, frames: int) -> list[tuple[Group, ...]]:
    """The data sets that speak of each frame, nearest first; one for all where frames have none of their own.

    DICOM PS3.3 C.7.6.16: the frame's own groups, the shared ones, the file.
    """
    shared = tuple(elements.get("SharedFunctionalGroupsSequence") or ())[:1]
    own = elements.get("PerFrameFunctionalGroupsSequence") or ()
    if len(own) < frames:
        return [(*shared, elements)]
    return [(one, *shared, elements) for one in own[:frames]]


def _shared(value_of: Callable[[tuple[Group, ...]], T], groups: list[tuple[Group, ...]]) -> tuple[T, ...]:
    """The value of each frame, or one for all where they are equal."""
    values = tuple(value_of(one) for one in groups)
    return values[:1] if all(value == values[0] for value in values) else values


def _places(elements: Elements, groups: list[tuple[Group, ...]], frames: int) -> tuple[Place, ...]:
    places = _shared(place_of, groups)
    offsets = elements.get("GridFrameOffsetVector")
    if len(places) == 1 and isinstance(offsets, Sequence) and len(offsets) == frames:
        return moved(places[0], offsets)
    if len(places) == 1 and places[0].spacing_mm is None and "SequenceOfUltrasoundRegions" in elements:
        place = places[0]
        spacing = ultrasound_spacing(elements)
        return (Place(place.position, place.orientation, spacing, place.thickness_mm),)
    return places


def _rank(groups: tuple[Group, ...]) -> tuple[float, ...]:
    values: Iterable[object] = (first_of(groups, sequence, keyword) for sequence, keyword in tags.RANKS)
    return tuple(number(value) or 0.0 for value in values)


def _segment(groups: tuple[Group, ...]) -> int:
    return int(number(first_of(groups, "SegmentIdentificationSequence", "ReferencedSegmentNumber")) or 0)


def _has_tables(elements: Elements, layout: Layout) -> bool:
    palette = layout.photometric == "PALETTE COLOR"
    return palette or bool(elements.get("ModalityLUTSequence") or elements.get("VOILUTSequence"))
