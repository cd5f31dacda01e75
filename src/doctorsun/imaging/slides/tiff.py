"""TIFF pyramids through tiffslide; the series of the slide only, never its label or macro image."""

import logging
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.incoming import Entry
from doctorsun.imaging.slides.damage import DAMAGE

_SCANNERS = (".svs", ".ndpi", ".scn", ".bif")
_OME = (".ome.tif", ".ome.tiff", ".ome.btf")
_TILE_WIDTH = 322
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# A tiled TIFF below this side is a picture like others.
_SLIDE_PX = 4096
_OME_UNITS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 0.001, "mm": 1000.0, "cm": 10000.0}
_LARGEST_TILE = 2**27
_UM_PER_PX = (0.01, 100.0)


def is_slide(entry: Entry) -> bool:
    """Whether a file is a slide: a TIFF with a scanner's suffix, or tiled and large, or tiled and OME."""
    name = entry.name.lower()
    if _head(entry) not in _TIFF:
        return False
    if name.endswith(_SCANNERS):
        return True
    with entry.path.open("rb") if entry.path is not None else BytesIO(entry.read()) as file:
        try:
            # Not Image.open, which refuses large pictures before it tells what they are.
            image: Any = TiffImageFile(file)
            tiled, side = _TILE_WIDTH in image.tag_v2, max(image.size)
        except DAMAGE:
            return False
    return tiled and (side >= _SLIDE_PX or name.endswith(_OME))


@contextmanager
def opened(entry: Entry) -> Iterator["TiffPyramid"]:
    """An open slide for the time of a block; what is wrong with the file is one RecordError."""
    try:
        from tiffslide import TiffSlide
    except ImportError:
        raise MissingExtra("SVS, NDPI, OME-TIFF", "slides") from None
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its messages quote the file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            slide = TiffSlide(_source(entry), tifffile_options={"_multifile": False})
        except DAMAGE:
            raise RecordError("imaging.no_slide", where=entry.name) from None
        with slide:
            try:
                pyramid = TiffPyramid(slide) if _is_whole(slide) else None
            except DAMAGE:
                raise RecordError("imaging.no_slide", where=entry.name) from None
            if pyramid is None:
                raise RecordError("imaging.damaged", where=entry.name)
            try:
                yield pyramid
            except DAMAGE:
                raise RecordError("imaging.damaged", where=entry.name) from None


class TiffPyramid:
    """A slide that tiffslide has opened; ValueError where it is not 8-bit colour."""

    def __init__(self, slide: Any) -> None:  # noqa: ANN401 - tiffslide's types are not followed
        self._slide = slide
        self.levels: tuple[tuple[int, int], ...] = tuple(slide.level_dimensions)
        told = slide.properties
        self.um_per_px = _ome(told["tiff.ImageDescription"]) or _um_per_px(
            told.get("tiffslide.mpp-x"), told.get("tiffslide.mpp-y")
        )
        self.region(len(self.levels) - 1, (0, 0), (1, 1))

    def region(self, level: int, corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """The pixels from `corner` on, both in pixels of the level; the slide's own colours."""
        ratio = self._slide.level_downsamples[level]
        place = (_finest(corner[0], ratio), _finest(corner[1], ratio))
        pixels = self._slide.read_region(place, level, size, as_array=True)
        if pixels.dtype != np.uint8 or pixels.shape[-1] not in (3, 4):
            raise ValueError("no colours of 8 bits")
        return np.ascontiguousarray(pixels[..., :3])


def _is_whole(slide: Any) -> bool:  # noqa: ANN401 - as above
    """Whether the file holds all tiles that its levels need, and none is larger than memory should hold.

    What is missing would be shown black.
    """
    file = slide.ts_tifffile
    levels = file.series[slide.properties["tiffslide.series-index"]].levels
    return all(
        _holds(page, int(file.filehandle.size))
        for level in levels
        for page in level.pages
        if page is not None
    )


def _holds(page: Any, size: int) -> bool:  # noqa: ANN401 - as above
    pieces = zip(page.dataoffsets, page.databytecounts, strict=True)
    there = all(start + count <= size for start, count in pieces)
    enough = math.prod(page.chunked) <= len(page.dataoffsets)
    return there and enough and math.prod(page.chunks) <= _LARGEST_TILE


def _finest(place: int, ratio: float) -> int:
    """The pixel of the finest level that tiffslide rounds to `place` of a coarser one."""
    found = math.ceil(place * ratio)
    return found if int(found / ratio) >= place else found + 1


def _ome(description: str | None) -> tuple[float, float] | None:
    """The scale that OME-XML tells, which tiffslide does not read."""
    sizes = []
    for axis in "XY":
        size = re.search(rf'\bPhysicalSize{axis}="([\d.eE+-]+)"', description or "")
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]+)"', description or "")
        sizes.append((size[1] if size else None, _OME_UNITS.get(unit[1] if unit else "µm", 0.0)))
    (across, across_um), (down, down_um) = sizes
    return _um_per_px(across, down, unit_um=(across_um, down_um))


def _um_per_px(
    across: object, down: object, *, unit_um: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float] | None:
    """Two lengths of a file as a scale, null where they are none that a slide can have."""
    try:
        found = (float(str(across)) * unit_um[0], float(str(down)) * unit_um[1])
    except ValueError:
        return None
    return found if all(_UM_PER_PX[0] <= value <= _UM_PER_PX[1] for value in found) else None


def _source(entry: Entry) -> str | BufferedReader:
    """What tiffslide opens; a buffer that cannot be written, as it would open another for writing."""
    return str(entry.path) if entry.path is not None else BufferedReader(BytesIO(entry.read()))


def _head(entry: Entry) -> bytes:
    if entry.path is None:
        return entry.read()[:4]
    with entry.path.open("rb") as file:
        return file.read(4)
