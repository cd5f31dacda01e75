"""PP-OCR's two networks, Chinese and English: one proposes boxes of text, the other reads what is in them.

Both ship in rapidocr's wheel, so nothing is fetched.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from doctorsun.core.errors import MissingExtra

Colour = NDArray[np.uint8]
"""A picture [height, width, 3]."""
Quad = NDArray[np.float64]
"""Four corners [4, 2] of a turned box, (across, down), clockwise from the top left."""

USUAL_SURENESS = 0.3
_GRID = 32
_LETTER_PX = 48
_ENOUGH = 0.8
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A box that the detector proposes, with its score 0..1."""

    quad: Quad
    score: float

    @property
    def sides(self) -> tuple[float, float]:
        """Along the upper edge, along the left edge, in pixels."""
        across, down = self.quad[1] - self.quad[0], self.quad[3] - self.quad[0]
        return float(np.linalg.norm(across)), float(np.linalg.norm(down))


def median_ground(grey: NDArray[np.uint8], window_px: int) -> NDArray[np.uint8]:
    """The median around each pixel; OpenCV, which comes with the OCR, takes one pass whatever the window."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra("OCR", "privacy") from error
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(grey), window_px), np.uint8)


def proposed(picture: Colour, *, sure: float = USUAL_SURENESS) -> list[Candidate]:
    """What the detector takes for text, pixel by pixel at least so `sure`; MissingExtra without OCR.

    Less sure pixels make whole lines of weak ones, but may join a line to what lies around it. The picture is
    widened to the network's grid, so that nothing is stretched.
    """
    height, width = picture.shape[:2]
    widened = np.pad(picture, ((0, -height % _GRID), (0, -width % _GRID), (0, 0)), mode="edge")
    with _LOCK:
        answer = _engine(sure)(widened, use_det=True, use_cls=False, use_rec=False)
    if answer.boxes is None:
        return []
    pairs = zip(answer.boxes, answer.scores, strict=True)
    return [Candidate(np.asarray(quad, np.float64), float(score)) for quad, score in pairs]


def read(picture: Colour, candidate: Candidate) -> tuple[str, float]:
    """What a box says in the quarter turn that reads best, and how sure the reader is, 0..1."""
    best = ("", 0.0)
    for crop in _crops(picture, candidate):
        with _LOCK:
            answer = _engine(USUAL_SURENESS)(crop, use_det=False, use_cls=False, use_rec=True)
        if answer.txts:
            text, score = str(answer.txts[0]).strip(), float(answer.scores[0])
            if text and score > best[1]:
                best = (text, score)
        if best[1] > _ENOUGH:
            break
    return best


def _crops(picture: Colour, candidate: Candidate) -> Iterator[Colour]:
    """The box cut out upright, in the quarter turns in which a line of text could lie."""
    width, height = (max(2.0, side) for side in candidate.sides)
    raised = _LETTER_PX / min(width, height)
    size = (max(2, round(width * raised)), max(2, round(height * raised)))
    corners = tuple(float(edge) for corner in candidate.quad[[0, 3, 2, 1]] for edge in corner)
    image = Image.fromarray(picture)
    upright = np.asarray(image.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC))
    quarters = (0, 2) if width > 1.5 * height else (1, 3) if height > 1.5 * width else (0, 1, 2, 3)
    for quarter in quarters:
        yield np.ascontiguousarray(np.rot90(upright, quarter))


@cache
def _engine(sure: float) -> Any:  # noqa: ANN401 - rapidocr has no types
    """The one engine of this process for a sureness: one thread, silent, no steps of its own first."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtra("OCR", "privacy") from error
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_preprocess_img": False,
            "Global.use_vertical_padding": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.limit_type": "min",
            "Det.limit_side_len": _GRID,
            "Det.thresh": sure,
            "Det.box_thresh": 0.4,
        }
    )
