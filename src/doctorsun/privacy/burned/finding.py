"""Where text is in an 8-bit picture.

The picture is looked at twice, once turned by a quarter, since the detector is weak on lines that stand. Both
times it is freed of its ground, which makes faint text plain, and enlarged, which makes small text large
enough. Upright, the ground is the median: it keeps the edges of organs and cells and leaves thin strokes
alone. Turned, it is a blur, which keeps thick strokes too. What the detector proposes stands only where the
reader reads something in it: anatomy has edges like letters, but it spells nothing.

Where the detector joins half of the picture to one thing, a line may be lost in it: such a picture is looked
at once more, as it is, and only for what the detector is surer of.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from doctorsun.privacy.burned.reading import USUAL_SURENESS, Candidate, Colour, median_ground, proposed, read

TILE_PX = 1024
OVERLAP_PX = 192
ENLARGED_UP_TO_PX = 1024
"""Pictures with no longer side than this are doubled; larger ones are looked at as they are."""
THICKNESS_PX = (6, 80)
"""Boxes of a thinner or thicker line than this are no text that anyone reads, but edges and anatomy."""
_MEDIAN_PX = 17
_BLUR_PX = 12
_GAIN = 2.5
_SURER = 0.65
_THIN_PX = 80  # as the detector sees it
_THICK_PX = 120
"""Above this (60 pixels of a doubled picture) letters are rare, and vertebrae and ribs read as digits."""
_ROUND = frozenset("0oOQq8CcDGUauen69日口〇一丨")
"""Letters that the reader sees in cells, vessels and the ring of a skull."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels that holds text; `right` and `bottom` lie outside it.

    `score` (0..1) is the better one of the detector's and the reader's. `text` may be a patient's name, so
    it is never shown.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
    text: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    candidate: Candidate
    text: str
    score: float


@dataclass(slots=True)
class _Look:
    """The boxes of one look, in the pixels of the picture, and whether one was too thick for text."""

    boxes: list[Box] = field(default_factory=list)
    joined: bool = False


def find_text(pixels: NDArray[np.uint8]) -> tuple[Box, ...]:
    """The boxes of text in a picture, uint8 [height, width] or [height, width, 3].

    MissingExtra without OCR.
    """
    grey = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))
    upright = _look(_above(grey, median_ground(grey, _MEDIAN_PX)))
    blur = Image.fromarray(np.ascontiguousarray(grey)).filter(ImageFilter.GaussianBlur(_BLUR_PX))
    turned = _look(np.rot90(_above(grey, np.asarray(blur))))
    boxes = [*upright.boxes, *(_turned_back(box, pixels.shape[1]) for box in turned.boxes)]
    if upright.joined or turned.joined:
        plain = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
        boxes += _look(plain, sure=_SURER).boxes
    return tuple(_without_inner(boxes))


def _above(grey: NDArray[np.uint8], ground: NDArray[np.uint8]) -> Colour:
    """What differs from the ground, raised, around a middle grey, in three channels."""
    level = np.clip(128 + _GAIN * (grey.astype(np.float32) - ground), 0, 255).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=2)


def _look(picture: Colour, *, sure: float = USUAL_SURENESS) -> _Look:
    """What one look at a picture shows."""
    height, width = picture.shape[:2]
    scale = 2 if max(height, width) <= ENLARGED_UP_TO_PX else 1
    size = (width * scale, height * scale)
    large = np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BICUBIC))
    look = _Look()
    thinnest, thickest = (edge * scale for edge in THICKNESS_PX)
    for top in _starts(large.shape[0]):
        for left in _starts(large.shape[1]):
            tile = large[top : top + TILE_PX, left : left + TILE_PX]
            candidates = proposed(tile, sure=sure)
            look.joined |= any(min(one.sides) > thickest for one in candidates)
            for reading in _confirmed(
                tile, [one for one in candidates if thinnest <= min(one.sides) <= thickest]
            ):
                look.boxes.append(_placed(reading, (top, left, scale, height, width)))
    return look


def _starts(length: int) -> list[int]:
    """Where tiles begin: evenly, the last one at the end, each two overlapping."""
    if length <= TILE_PX:
        return [0]
    count = -(-(length - OVERLAP_PX) // (TILE_PX - OVERLAP_PX))
    return [round(index * (length - TILE_PX) / (count - 1)) for index in range(count)]


def _confirmed(tile: Colour, candidates: list[Candidate]) -> list[_Reading]:
    """The candidates that spell something, and those beside them: letters come in lines."""
    readings = [_Reading(one, *read(tile, one)) for one in candidates]
    kept = [reading for reading in readings if _spells(reading)]
    others = [reading for reading in readings if reading not in kept and reading.text]
    return kept + [reading for reading in others if _is_beside(reading, kept)]


def _spells(reading: _Reading) -> bool:
    """Whether a box stands, from how sure the detector and the reader are."""
    found, score = reading.candidate.score, reading.score
    letters = [character for character in reading.text if character.isalnum()]
    telling = set(letters) - _ROUND
    if min(reading.candidate.sides) > _THICK_PX and (len(letters) < 3 or score < 0.95):
        return False
    if len(letters) >= 2 and telling:
        enough = 0.6 if len(letters) >= 4 else 0.75
        return score >= enough or (found >= 0.7 and score >= enough - 0.15)
    if len(letters) >= 2:
        return score >= 0.9 and found >= 0.75 and min(reading.candidate.sides) <= _THIN_PX
    return bool(telling) and score >= 0.9 and found >= 0.65


def _is_beside(reading: _Reading, others: list[_Reading]) -> bool:
    """Whether a box is about as thick as one that stands and no further from it than one and a half lines."""
    thickness = min(reading.candidate.sides)
    for other in others:
        line = min(other.candidate.sides)
        if 0.4 * line <= thickness <= 2.5 * line and _gap(reading.candidate, other.candidate) <= 1.5 * line:
            return True
    return False


def _gap(one: Candidate, other: Candidate) -> float:
    """The distance between the upright hulls of two boxes."""
    between = np.maximum(
        one.quad.min(axis=0) - other.quad.max(axis=0), other.quad.min(axis=0) - one.quad.max(axis=0)
    )
    return float(np.linalg.norm(np.maximum(between, 0)))


def _placed(reading: _Reading, frame: tuple[int, int, int, int, int]) -> Box:
    """The upright hull in the pixels of the whole picture, with a margin: more than a letter at its ends."""
    candidate = reading.candidate
    top, left, scale, height, width = frame
    low = (candidate.quad.min(axis=0) + (left, top)) / scale
    high = (candidate.quad.max(axis=0) + (left, top)) / scale
    line = min(candidate.sides) / scale
    along, across = 1.25 * line + 1, 0.1 * line + 1
    lies = high[0] - low[0] >= high[1] - low[1]
    margin = np.array((along, across) if lies else (across, along))
    first, last = np.floor(low - margin).astype(int), np.ceil(high + margin).astype(int)
    return Box(
        max(0, int(first[0])),
        max(0, int(first[1])),
        min(width, int(last[0]) + 1),
        min(height, int(last[1]) + 1),
        max(candidate.score, reading.score),
        reading.text,
    )


def _turned_back(box: Box, width: int) -> Box:
    """A box of the picture turned by a quarter (`np.rot90`), in the picture as it was, `width` wide."""
    return Box(width - box.bottom, box.left, width - box.top, box.right, box.score, box.text)


def _without_inner(boxes: list[Box]) -> Iterator[Box]:
    """The boxes, largest first, less those that lie within another."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: (box.left - box.right) * (box.bottom - box.top)):
        if not any(_within(box, other) for other in kept):
            kept.append(box)
            yield box


def _within(inner: Box, outer: Box) -> bool:
    upright = outer.top <= inner.top and inner.bottom <= outer.bottom
    return upright and outer.left <= inner.left and inner.right <= outer.right
