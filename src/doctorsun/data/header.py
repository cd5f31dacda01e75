"""Pictures taken as they are: the header and the end of a plain file are looked at, its pixels are not."""

import hashlib
from collections.abc import Sequence

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.checks import CheckedPicture, Fault, check_picture
from doctorsun.data.config import PictureConfig
from doctorsun.data.shards import sha256
from doctorsun.imaging.pictures import PLAIN_FORMATS, PLAIN_MODES, Limits, damage, is_turned, opened

ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
# Where a PNG says how it is turned. Pillow decodes its pixels to look behind them.
PNG_EXIF = (b"eXIf", b"Raw profile type exif")


def check_headers(pictures: Sequence[Picture], config: PictureConfig) -> tuple[CheckedPicture, ...] | Fault:
    """All pictures of a record, those of plain files with their bytes untouched, or the first fault."""
    found = []
    for picture in pictures:
        plain = _plain(picture, config)
        checked = plain if isinstance(plain, Fault) else _taken(picture) if plain else None
        checked = checked or check_picture(picture, config, looks=False)
        if isinstance(checked, Fault):
            return checked
        found.append(checked)
    return tuple(found)


def _plain(picture: Picture, config: PictureConfig) -> bool | Fault:
    """Whether a file can be stored as it is and ends as its format ends; the fault where it is no picture."""
    limits = Limits(config.max_mib * 2**20, config.max_megapixels * 10**6)
    try:
        image = opened(picture.bytes, where=picture.path, limits=limits)
        with damage(picture.path):
            turned = _says_turned(image.format, picture.bytes) and is_turned(image)
    except RecordError as error:
        return Fault(error.key)
    if min(image.size) < config.min_px:
        return Fault("data.picture_too_small")
    name = image.format or ""
    return (
        name in PLAIN_FORMATS
        and image.mode in PLAIN_MODES
        and not turned
        and not getattr(image, "is_animated", False)
        and (config.max_px is None or max(image.size) <= config.max_px)
        and picture.bytes.rstrip(b"\0").endswith(ENDS[name])
    )


def _says_turned(kind: str | None, raw: bytes) -> bool:
    """Whether a file may say that it is turned, as far as that can be told without decoding it."""
    return kind != "PNG" or any(mark in raw for mark in PNG_EXIF)


def _taken(picture: Picture) -> CheckedPicture:
    digest = sha256(picture.bytes)
    return CheckedPicture(picture, digest, hashlib.sha256(f"file {digest}".encode()).hexdigest())
