"""The look of a picture: a fixed number of bytes that tell, later and without the picture, what resembles it.

A look is a header and the picture in grey at 64 x 64, its grey levels stretched. A mirror image, a crop and
every hash of them are functions of that thumbnail, so none of them is stored.
"""

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64
HEADER_BYTES = 8
LOOK_BYTES = HEADER_BYTES + SIDE * SIDE
# Grey levels by which a pixel differs from the middle one, and the share of such pixels a picture needs.
DIFFERENCE = 4
LEAST_SHARE = 0.03
_FLAT = 1
# The largest number that two bytes hold as a float.
_WIDEST = 65504.0


def look_of(pixels: NDArray[np.uint8]) -> bytes:
    """The look of uint8 pixels [height, width] or [height, width, 3]; the same bytes for the same pixels."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    grey = image if image.mode == "L" else image.convert("L")
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    header = struct.pack("<BBeI", 1, _FLAT * _is_flat(small), min(grey.width / grey.height, _WIDEST), 0)
    return header + _stretched(small).tobytes()


def thumbnails(looks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey thumbnails [n, 64, 64] of looks [n, LOOK_BYTES]."""
    return looks[:, HEADER_BYTES:].reshape(-1, SIDE, SIDE)


def can_pair(looks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which looks [n, LOOK_BYTES] show enough to be compared: a flat picture resembles every flat picture."""
    return np.asarray((looks[:, 0] == 1) & (looks[:, 1] & _FLAT == 0))


def _is_flat(small: NDArray[np.uint8]) -> bool:
    away = np.abs(small.astype(np.int16) - int(np.median(small))) > DIFFERENCE
    return float(away.mean()) < LEAST_SHARE


def _stretched(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same picture with its levels spread over 0..255, so that a faint one keeps its differences."""
    low, high = int(small.min()), int(small.max())
    spread = (small.astype(np.int32) - low) * 255 // max(high - low, 1)
    return spread.astype(np.uint8)
