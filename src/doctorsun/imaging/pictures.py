"""Pictures of untrusted origin -> upright RGB pixels, within limits that are checked before decoding."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from doctorsun.core.errors import RecordError

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
PLAIN_FORMATS = ("PNG", "JPEG")
PLAIN_MODES = ("L", "RGB")
JPEG_QUALITY = 95
_ORIENTATION = 0x0112
_DEPTHS = (8, 10, 12, 14, 16)
# What Pillow raises on damaged files of these formats.
_DAMAGE = (
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
    black, more than 8 bits are scaled by the bit depth in use.
    """
    return decode(raw, where=where, limits=limits).pixels


def decode(raw: bytes, *, where: str = "", limits: Limits = Limits()) -> Upright:
    """The decoded picture with what is needed to decide how it is stored; RecordError as `open_picture`."""
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
    except _DAMAGE:
        raise RecordError("imaging.no_picture", where=where, formats=", ".join(FORMATS)) from None
    width, height = image.size
    if width * height > limits.max_pixels or not width * height:
        raise RecordError(
            "imaging.too_many_pixels", where=where, found=f"{width} x {height}", limit=limits.max_pixels
        )
    name = image.format or ""
    try:
        image.load()
        turned = image.getexif().get(_ORIENTATION, 1) not in {0, 1}
        pixels = _rgb(ImageOps.exif_transpose(image) if turned else image)
    except _DAMAGE:
        raise RecordError("imaging.damaged", where=where) from None
    plain = name in PLAIN_FORMATS and image.mode in PLAIN_MODES and not turned and not _animated(image)
    return Upright(pixels, name, plain)


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


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        grey = _eight_bits(np.asarray(image))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    numbers = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    low, high = float(numbers.min()), float(numbers.max())
    top = next((2**bits - 1 for bits in _DEPTHS if high < 2**bits), 0)
    if low < 0 or not top or not np.issubdtype(values.dtype, np.integer):
        numbers, top = numbers - low, max(high - low, 1e-12)
    return np.rint(numbers * (255 / top)).astype(np.uint8)


def _animated(image: Image.Image) -> bool:
    return bool(getattr(image, "is_animated", False))
