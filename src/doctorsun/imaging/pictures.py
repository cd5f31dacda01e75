"""Pictures of untrusted origin -> upright RGB pixels, within limits that are checked before decoding."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from doctorsun.core.errors import RecordError
from doctorsun.imaging.colours import is_inverted, is_misread, rgb

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
PLAIN_FORMATS = ("PNG", "JPEG")
PLAIN_MODES = ("L", "RGB")
JPEG_QUALITY = 95
ORIENTATION = 0x0112
# What Pillow raises on damaged files of these formats.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost: bytes of the file, pixels when decoded."""

    max_bytes: int = 32 * 2**20
    max_pixels: int = 64 * 10**6


@dataclass(frozen=True, slots=True)
class Upright:
    """A decoded picture: `pixels` are uint8 [height, width, 3]; a `plain` file can be stored as it is."""

    pixels: NDArray[np.uint8]
    format: str
    plain: bool


def open_picture(raw: bytes, *, where: str = "", limits: Limits = Limits()) -> NDArray[np.uint8]:
    """The upright pixels of an image file, uint8 RGB [height, width, 3]; RecordError says what is wrong.

    PNG, JPEG, WebP, TIFF and BMP by content, whatever the name; the first frame. Transparency is laid on
    black, more than 8 bits are scaled by the bit depth in use, colours with a profile become sRGB.
    """
    return decode(raw, where=where, limits=limits).pixels


def decode(raw: bytes, *, where: str = "", limits: Limits = Limits()) -> Upright:
    """The decoded picture with what is needed to decide how it is stored; RecordError as `open_picture`."""
    image = opened(raw, where=where, limits=limits)
    name = image.format or ""
    with damage(where):
        image.load()
        turned = is_turned(image)
        pixels = rgb(ImageOps.exif_transpose(image) if turned else image, inverted=is_inverted(image))
    plain = name in PLAIN_FORMATS and image.mode in PLAIN_MODES and not turned and not _animated(image)
    return Upright(pixels, name, plain)


def opened(raw: bytes, *, where: str, limits: Limits) -> Image.Image:
    """Pillow's picture with its header read and its size within the limits, its pixels not yet decoded."""
    if not raw:
        raise RecordError("imaging.empty", where=where)
    if len(raw) > limits.max_bytes:
        raise RecordError(
            "imaging.file_too_large", where=where, found=len(raw) >> 20, limit=limits.max_bytes >> 20
        )
    try:
        image = Image.open(BytesIO(raw), formats=FORMATS)
    except Image.DecompressionBombError:
        raise RecordError(
            "imaging.too_many_pixels", where=where, found=f"> {limits.max_pixels}", limit=limits.max_pixels
        ) from None
    except DAMAGE:
        raise RecordError("imaging.no_picture", where=where, formats=", ".join(FORMATS)) from None
    width, height = image.size
    if width * height > limits.max_pixels or not width * height:
        raise RecordError(
            "imaging.too_many_pixels", where=where, found=f"{width} x {height}", limit=limits.max_pixels
        )
    with damage(where):
        if is_misread(image):
            raise RecordError("imaging.picture_layout", where=where)
    return image


@contextmanager
def damage(where: str) -> Iterator[None]:
    """Turn what Pillow raises on a damaged file into one RecordError."""
    try:
        yield
    except DAMAGE:
        raise RecordError("imaging.damaged", where=where) from None


def is_turned(image: Image.Image) -> bool:
    """Whether the file says that its picture must be turned to be upright (EXIF)."""
    return image.getexif().get(ORIENTATION, 1) not in {0, 1}


def encode(pixels: NDArray[np.uint8], *, jpeg: bool = False) -> bytes:
    """An image file of these pixels: PNG, or JPEG where the picture came as one; grey stays one channel."""
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    image = Image.fromarray(pixels[..., 0] if grey else pixels)
    file = BytesIO()
    if jpeg:
        image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(file, "PNG")
    return file.getvalue()


def shrink(pixels: NDArray[np.uint8], max_px: int) -> NDArray[np.uint8]:
    """The same picture with its longer side at most `max_px`."""
    image = Image.fromarray(pixels)
    image.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _animated(image: Image.Image) -> bool:
    return bool(getattr(image, "is_animated", False))
