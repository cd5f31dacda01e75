"""Boxes and masks as language: where in the picture a finding lies, and its box as a model writes it."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.schema import Fact

Box = tuple[float, float, float, float]
# A middle nearer than this to the picture's middle, as a share of its sides, belongs to no quarter.
MIDDLE = 0.15
# Between quarters: too near to a border to be asked about.
MARGIN = 0.04
GRID = 999


def box_of_mask(mask_HW: NDArray[np.bool_] | NDArray[np.uint8]) -> Box | None:
    """The box around what a mask marks, x0, y0, x1, y1 as shares of its sides; null where it is empty."""
    rows, columns = np.nonzero(np.any(mask_HW, axis=1))[0], np.nonzero(np.any(mask_HW, axis=0))[0]
    if not len(rows):
        return None
    height, width = mask_HW.shape
    edges = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    x0, y0, x1, y1 = (round(float(edge), 4) for edge in edges)
    return x0, y0, x1, y1


def box_of_pixels(box: Sequence[float], *, width: int, height: int) -> Box | None:
    """A box in pixels as shares, clipped to the picture; null where nothing of it is inside."""
    x0, y0, x1, y1 = (
        round(min(max(edge / side, 0.0), 1.0), 4)
        for edge, side in zip(box, (width, height, width, height), strict=True)
    )
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def part_of(box: Box) -> str | None:
    """The part of the picture that a box's middle lies in, as a term's id; null too near to a border."""
    across, down = (box[0] + box[2]) / 2 - 0.5, (box[1] + box[3]) / 2 - 0.5
    if max(abs(across), abs(down)) < MIDDLE - MARGIN:
        return "middle_part"
    if max(abs(across), abs(down)) < MIDDLE + MARGIN or min(abs(across), abs(down)) < MARGIN:
        return None
    return f"{'upper' if down < 0 else 'lower'}_{'left' if across < 0 else 'right'}_part"


def position_facts(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """A `position` fact for each finding that is there once, with a box in a clear part of the picture."""
    boxed = single_boxes(facts)
    parts = ((fact, part_of(fact.box_xyxy)) for fact in boxed if fact.box_xyxy)
    return tuple(
        Fact("position", value=json.dumps(part), site=fact.name, image=fact.image, box_xyxy=fact.box_xyxy)
        for fact, part in parts
        if part is not None
    )


def single_boxes(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The findings that are there, have a box, and are stated once: two of a kind have no one place."""
    number = Counter(fact.name for fact in facts)
    return tuple(
        fact for fact in facts if fact.status == "present" and fact.box_xyxy and number[fact.name] == 1
    )


def box_text(box: Box) -> str:
    """A box as a model writes it: "[x1, y1, x2, y2]", whole numbers from 0 to 999."""
    return f"[{', '.join(str(round(edge * GRID)) for edge in box)}]"
