"""What must hold of pictures before they become samples; each fault is the key of its reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.config import PictureConfig
from doctorsun.data.near.looks import look_of
from doctorsun.data.shards import sha256
from doctorsun.imaging.pictures import Limits, decode, encode, shrink

# Grey levels of 256: noise of a sensor or of JPEG around one tone spreads less.
BLANK_SPREAD = 1.0
SPARSE = 8


@dataclass(frozen=True, slots=True)
class CheckedPicture:
    """A picture as it is stored: `sha256` of the bytes, `pixels` of what they show; `changed` is a key.

    `look` is what finds pictures that are nearly the same.
    """

    picture: Picture
    sha256: str
    pixels: str
    changed: str | None = None
    look: bytes = b""


@dataclass(frozen=True, slots=True)
class Fault:
    """The key of the reason why a picture cannot be used."""

    reason: str


def check_pictures(
    pictures: Sequence[Picture], config: PictureConfig, *, looks: bool = True
) -> tuple[CheckedPicture, ...] | Fault:
    """All pictures of a record as they are stored, or the first fault; `looks` asks for their looks."""
    found = []
    for picture in pictures:
        checked = check_picture(picture, config, looks=looks)
        if isinstance(checked, Fault):
            return checked
        found.append(checked)
    return tuple(found)


def check_picture(picture: Picture, config: PictureConfig, *, looks: bool = True) -> CheckedPicture | Fault:
    """One picture: decodes, is not blank, keeps the limits; turned, converted or shrunk where needed."""
    limits = Limits(config.max_mib * 2**20, config.max_megapixels * 10**6)
    try:
        upright = decode(picture.bytes, where=picture.path, limits=limits)
    except RecordError as error:
        return Fault(error.key)
    pixels = upright.pixels
    if min(pixels.shape[:2]) < config.min_px:
        return Fault("data.picture_too_small")
    if _blank(pixels):
        return Fault("data.blank_picture")
    changed = None if upright.plain else "data.picture_converted"
    if config.max_px is not None and max(pixels.shape[:2]) > config.max_px:
        pixels, changed = shrink(pixels, config.max_px), "data.picture_shrunk"
    raw = picture.bytes if changed is None else encode(pixels, jpeg=upright.format == "JPEG")
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    look = look_of(pixels) if looks else b""
    return CheckedPicture(Picture(raw, picture.path), sha256(raw), digest.hexdigest(), changed, look)


def _blank(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is of one tone but for noise; mostly a few of its pixels tell."""
    if float(pixels[::SPARSE, ::SPARSE].std()) >= 2 * BLANK_SPREAD:
        return False
    return int(pixels.max()) == int(pixels.min()) or float(pixels.std()) < BLANK_SPREAD
