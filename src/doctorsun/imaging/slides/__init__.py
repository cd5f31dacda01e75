"""Whole slides: an overview and tiles of tissue, of TIFF pyramids (SVS, NDPI, OME-TIFF) and of DICOM."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from doctorsun.core.errors import RecordError
from doctorsun.imaging.incoming import Entry, check_size
from doctorsun.imaging.slides import tiff, wsi
from doctorsun.imaging.slides.tiles import USUAL, Tiling, series_of
from doctorsun.imaging.study import Remark, Series, StudyLimits

__all__ = ["Tiling", "is_slide", "read_dicom_slide", "read_slide"]
is_slide = tiff.is_slide


def read_slide(entry: Entry, limits: StudyLimits, *, tiling: Tiling = USUAL) -> tuple[Series, ...]:
    """The overview and the tissue tiles of a tiled TIFF; RecordError says what is wrong with the file.

    A file on disk may be of any size, as only regions of it are read; one in an archive is read whole.
    """
    if entry.path is None:
        check_size(entry, limits)
    return series_of(entry.name, partial(tiff.opened, entry), limits, tiling)


def read_dicom_slide(
    entries: Sequence[Entry], limits: StudyLimits, *, tiling: Tiling = USUAL
) -> tuple[Series, ...]:
    """The overview and the tissue tiles of each slide among DICOM files (VL Whole Slide Microscopy).

    Files that hold the label or the macro image are left unread. A slide that cannot be read is told in the
    remarks of another; RecordError where none can.
    """
    series: list[Series] = []
    faults: list[RecordError] = []
    for files in wsi.slides_of(entries):
        try:
            series.extend(series_of(files[0].name, partial(wsi.opened, files), limits, tiling))
        except RecordError as error:
            faults.append(error)
    if not series:
        raise faults[0]
    told = tuple(Remark(error.key, str(error.values.pop("where", "")), error.values) for error in faults)
    return (replace(series[0], remarks=(*series[0].remarks, *told)), *series[1:])
