"""DICOM slides through wsidicom: the files of the volume, never those of the label or the macro image."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.incoming import Entry
from doctorsun.imaging.slides.damage import DAMAGE

_IDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


def slides_of(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], ...]:
    """The files of each slide that hold its levels: Image Type says VOLUME (PS3.3 C.8.12.4.1.1).

    Files belong to one slide where study, series and frame of reference are the same.
    """
    try:
        from pydicom import dcmread
    except ImportError:
        raise MissingExtra("DICOM", "imaging") from None
    slides: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        if entry.path is None:
            raise RecordError("imaging.slide_in_archive", where=entry.name)
        tags = ["ImageType", *_IDS]
        try:
            header = dcmread(entry.path, force=True, stop_before_pixels=True, specific_tags=tags)
            kind: Sequence[str] = header.get("ImageType") or ()
            ids = tuple(str(header.get(name, "")) for name in _IDS)
        except DAMAGE:
            raise RecordError("imaging.damaged", where=entry.name) from None
        if len(kind) > 2 and kind[2] == "VOLUME":
            slides.setdefault(ids, []).append(entry)
    if not slides:
        raise RecordError("imaging.no_slide", where=entries[0].name)
    return tuple(tuple(files) for files in slides.values())


@contextmanager
def opened(entries: Sequence[Entry]) -> Iterator["WsiPyramid"]:
    """An open slide for the time of a block; what is wrong with the files is one RecordError."""
    try:
        from wsidicom import WsiDicom, errors
    except ImportError:
        raise MissingExtra("DICOM slides", "slides") from None
    damage = (*DAMAGE, *(kind for kind in vars(errors).values() if _is_error(kind)))
    logging.getLogger("wsidicom").setLevel(logging.CRITICAL + 1)  # its messages quote paths
    paths: list[Path] = [entry.path for entry in entries if entry.path is not None]
    where = entries[0].name
    try:
        slide = WsiDicom.open(paths)
    except damage:
        raise RecordError("imaging.no_slide", where=where) from None
    with slide:
        try:
            yield WsiPyramid(slide)
        except damage:
            raise RecordError("imaging.damaged", where=where) from None


def _is_error(kind: object) -> TypeGuard[type[Exception]]:
    return isinstance(kind, type) and issubclass(kind, Exception)


class WsiPyramid:
    """A slide that wsidicom has opened."""

    def __init__(self, slide: Any) -> None:  # noqa: ANN401 - wsidicom's types are not followed
        self._slide = slide
        found = sorted(slide.levels, key=lambda level: -level.size.width)
        self._numbers = [level.level for level in found]
        self.levels = tuple((int(level.size.width), int(level.size.height)) for level in found)
        spacing = found[0].pixel_spacing
        self.um_per_px = (1000 * spacing.width, 1000 * spacing.height) if spacing else None

    def region(self, level: int, corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """The pixels from `corner` on, both in pixels of the level."""
        found = self._slide.read_region(corner, self._numbers[level], size)
        return np.asarray(found.convert("RGB"), np.uint8)
