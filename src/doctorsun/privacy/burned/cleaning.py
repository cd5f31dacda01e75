"""Blanking of burned-in text in stored pixel values of any integer type, one frame or many.

A blanked rectangle holds the lowest value of its frame: it must look like a hole, not like anatomy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doctorsun.privacy.burned.finding import Box, find_text

Stored = NDArray[np.integer]
MOST_FRAMES = 32
_ROUNDS = 3
_WIDE = 100
_BULK = 0.02
_MIDDLE = (32, 223)


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """Pixels without burned-in text, in the type and shape they came in.

    `boxes` are the rectangles blanked in each frame, the same in all: text stands still. `checked` is true
    when a second look at the blanked frames found nothing more to blank.
    """

    pixels: Stored
    boxes: tuple[tuple[Box, ...], ...]
    checked: bool


def clean_pixels(pixels: Stored, *, keep: Sequence[str] = ()) -> PixelOutcome:
    """Blank the text in stored values, [frames, rows, columns] or [frames, rows, columns, 3].

    All frames are looked at when there are no more than 32, else 32 spread evenly, with the first and the
    last, and the brightest and the darkest value of each place over all frames. What is found in one is
    blanked in all. Texts in `keep` ("L", "R") stay. When nothing is found the very same array comes back.
    MissingExtra without OCR.
    """
    wanted = frozenset(_bare(text) for text in keep)
    doubtful = _sampled(len(pixels))
    found = _in_projections(pixels, wanted) if len(pixels) > MOST_FRAMES else []
    cleaned = _blanked(pixels, found) if found else pixels
    for _ in range(_ROUNDS):
        seen = {index: _text_in(cleaned[index], wanted) for index in doubtful}
        doubtful = [index for index, boxes in seen.items() if boxes]
        if not doubtful:
            break
        found += [box for boxes in seen.values() for box in boxes]
        cleaned = _blanked(pixels, found)
    boxes = tuple(found)
    return PixelOutcome(cleaned, tuple(boxes for _ in range(len(pixels))), checked=not doubtful)


def _in_projections(pixels: Stored, wanted: frozenset[str]) -> list[Box]:
    """Text in the brightest and the darkest of all frames: it may stand in one that is not looked at."""
    looks = (pixels.max(axis=0), pixels.min(axis=0))
    return [box for one in looks for box in _text_in(one, wanted)]


def _text_in(frame: Stored, wanted: frozenset[str]) -> list[Box]:
    return [box for box in find_text(_eight_bits(frame)) if _bare(box.text) not in wanted]


def _bare(text: str) -> str:
    """A text without spaces and capitals: the reader is not sure of either."""
    return "".join(text.split()).casefold()


def _sampled(count: int) -> list[int]:
    if count <= MOST_FRAMES:
        return list(range(count))
    return sorted({round(index * (count - 1) / (MOST_FRAMES - 1)) for index in range(MOST_FRAMES)})


def _eight_bits(frame: Stored) -> NDArray[np.uint8]:
    """The frame for looking: the bulk of its values in the middle of 8 bits, its extremes still apart.

    Text is often the highest or lowest value, far outside those of the picture. Wide 8-bit frames stay.
    """
    lowest, low, high, highest = np.percentile(frame, (0, 1, 99, 100))
    if frame.dtype == np.uint8 and high - low >= _WIDE:
        return frame.astype(np.uint8)
    if high - low < _BULK * (highest - lowest):
        low, high = lowest, highest
    levels = np.interp(frame.astype(np.float64), (lowest, low, high, highest), (0, *_MIDDLE, 255))
    return np.rint(levels).astype(np.uint8)


def _blanked(pixels: Stored, boxes: list[Box]) -> Stored:
    cleaned = pixels.copy()
    for frame in cleaned:
        lowest = frame.min(axis=(0, 1))
        for box in boxes:
            frame[box.top : box.bottom, box.left : box.right] = lowest
    return cleaned
