"""An open slide -> two series: one overview, and tiles of tissue at a stated µm per pixel."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from doctorsun.core.errors import RecordError
from doctorsun.imaging.slides.pyramid import Opening, Pyramid
from doctorsun.imaging.slides.tissue import in_order, shares_of_tissue, tissue_mask
from doctorsun.imaging.study import Facts, Frame, Geometry, Remark, Series, StudyLimits

_FACTS = Facts(modality="SM")
_TOLERANCE = 1.02
_SOME = 1e-9


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a slide is cut: tiles of `tile_px` at `um_per_px`, at most `most`, with a least share of tissue."""

    um_per_px: float = 0.5
    tile_px: int = 512
    overview_px: int = 1024
    most: int = 256
    least_tissue: float = 0.5


USUAL = Tiling()


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to take tiles: from a level, `side` pixels of it wide and high, shown as `shown` pixels."""

    level: int
    side: tuple[int, int]
    shown: tuple[int, int]
    grid: tuple[int, int]
    spacing_mm: tuple[float, float] | None


def series_of(name: str, opening: Opening, limits: StudyLimits, tiling: Tiling) -> tuple[Series, ...]:
    """The overview and the tiles of a slide, most tissue first and spread over the slide.

    Tiles lie on a grid from the upper left; a rest at the right and lower edges that is no whole tile is
    left out. Label and macro images are never read. RecordError where the smallest level is too large.
    """
    with opening() as pyramid:
        overview = _overview(pyramid, name, limits, tiling)
        cut, remarks = _cut(pyramid, name, tiling)
    rows, columns = cut.grid
    step = _steps(pyramid, cut, overview.pixels)
    shares = shares_of_tissue(tissue_mask(np.asarray(overview.pixels, np.uint8)), cut.grid, step)
    places, found = in_order(shares, tiling.least_tissue, tiling.most)
    if not places:
        places, found = in_order(shares, _SOME, tiling.most)
    if not places:
        remarks.append(Remark("imaging.slide_no_tissue", name))
        places, found = in_order(np.ones((rows, columns)), 0, tiling.most)
    if found > len(places):
        remarks.append(Remark("imaging.tiles_bounded", name, {"count": len(places), "found": found}))
    geometry = Geometry(spacing_mm=cut.spacing_mm)
    return (
        Series(
            name=f"{name}#overview",
            format="slide",
            facts=_FACTS,
            geometry=overview.geometry,
            shape=(overview.pixels.shape[0], overview.pixels.shape[1]),
            sources=(name,),
            read=partial(_overview_again, opening, name, limits, tiling),
            remarks=(Remark("imaging.label_not_read", name),),
        ),
        Series(
            name=f"{name}#tiles",
            format="slide",
            facts=_FACTS,
            geometry=geometry,
            shape=(cut.shown[1], cut.shown[0]),
            sources=(name,) * len(places),
            read=partial(_tile, opening, cut, tuple(places)),
            remarks=tuple(remarks),
        ),
    )


def _overview_again(opening: Opening, name: str, limits: StudyLimits, tiling: Tiling, index: int) -> Frame:
    del index  # a slide has one overview
    with opening() as pyramid:
        return _overview(pyramid, name, limits, tiling)


def _overview(pyramid: Pyramid, name: str, limits: StudyLimits, tiling: Tiling) -> Frame:
    """The slide as a whole, from the smallest level that is large enough."""
    sizes = pyramid.levels
    level = max(
        (place for place, size in enumerate(sizes) if max(size) >= tiling.overview_px), default=len(sizes) - 1
    )
    width, height = sizes[level]
    if width * height > limits.max_pixels:
        level = len(sizes) - 1
        width, height = sizes[level]
    if width * height > limits.max_pixels:
        raise RecordError(
            "imaging.slide_no_overview", where=name, found=width * height, limit=limits.max_pixels
        )
    pixels = pyramid.region(level, (0, 0), (width, height))
    scale = min(1.0, tiling.overview_px / max(width, height))
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    spacing = _spacing(pyramid, shown, sizes[0])
    return Frame(_resized(pixels, shown), "rgb", Geometry(spacing_mm=spacing))


def _cut(pyramid: Pyramid, name: str, tiling: Tiling) -> tuple[Cut, list[Remark]]:
    """The coarsest level that is fine enough for the wanted µm per pixel, and how tiles lie on it."""
    um, finest, remarks = pyramid.um_per_px, pyramid.levels[0], []
    if um is None:
        remarks.append(Remark("imaging.slide_no_scale", name))
    elif max(um) > tiling.um_per_px * _TOLERANCE:
        values = {"found": f"{max(um):.3g}", "wanted": f"{tiling.um_per_px:.3g}"}
        remarks.append(Remark("imaging.slide_coarser", name, values))
    level, ratio = 0, (1.0, 1.0)
    if um is not None and max(um) <= tiling.um_per_px * _TOLERANCE:
        for place, size in enumerate(pyramid.levels):
            here = (
                tiling.um_per_px * size[0] / finest[0] / um[0],
                tiling.um_per_px * size[1] / finest[1] / um[1],
            )
            if min(here) * _TOLERANCE >= 1:
                level, ratio = place, here
    width, height = pyramid.levels[level]
    side = (
        min(width, max(1, round(tiling.tile_px * ratio[0]))),
        min(height, max(1, round(tiling.tile_px * ratio[1]))),
    )
    shown = (
        min(tiling.tile_px, max(1, round(side[0] / ratio[0]))),
        min(tiling.tile_px, max(1, round(side[1] / ratio[1]))),
    )
    spacing = None
    if um is not None:
        spacing = (
            um[1] * finest[1] / height * side[1] / shown[1] / 1000,
            um[0] * finest[0] / width * side[0] / shown[0] / 1000,
        )
    return Cut(level, side, shown, (height // side[1], width // side[0]), spacing), remarks


def _steps(pyramid: Pyramid, cut: Cut, overview: NDArray[np.generic]) -> tuple[float, float]:
    """How many rows and columns of the overview a tile covers."""
    width, height = pyramid.levels[cut.level]
    return cut.side[1] * overview.shape[0] / height, cut.side[0] * overview.shape[1] / width


def _tile(opening: Opening, cut: Cut, places: tuple[tuple[int, int], ...], index: int) -> Frame:
    row, column = places[index]
    with opening() as pyramid:
        pixels = pyramid.region(cut.level, (column * cut.side[0], row * cut.side[1]), cut.side)
    return Frame(_resized(pixels, cut.shown), "rgb", Geometry(spacing_mm=cut.spacing_mm))


def _spacing(pyramid: Pyramid, shown: tuple[int, int], finest: tuple[int, int]) -> tuple[float, float] | None:
    if pyramid.um_per_px is None:
        return None
    across, down = pyramid.um_per_px
    return down * finest[1] / shown[1] / 1000, across * finest[0] / shown[0] / 1000


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
