"""What the model is shown instead of the right picture: a blank one, noise, another one, or none at all."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError

_GREY = 127
_MAX_PX = 512


@dataclass(frozen=True, slots=True)
class Owner:
    """What is known of a picture: where it may be exchanged, and whose it is."""

    modality: str
    group: str


def derangement(owners: Mapping[str, Owner], *, seed: int) -> dict[str, str | None]:
    """For each picture (SHA-256) another one of its modality; null where the modality has no other.

    Within a modality the groups are put in a drawn order and every picture takes the one m places on, m being
    the size of the largest group: so none keeps its own picture, and none gets one of its own patient unless
    one patient has more than half of the pictures.
    """
    by_modality: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for picture, owner in owners.items():
        by_modality[owner.modality][owner.group].append(picture)
    partners: dict[str, str | None] = {}
    for modality, groups in sorted(by_modality.items()):
        rng = random.Random(f"{seed}/{modality}")
        names = sorted(groups)
        rng.shuffle(names)
        order = [picture for name in names for picture in sorted(groups[name])]
        largest = max(len(pictures) for pictures in groups.values())
        step = largest if largest < len(order) else 1
        for at, picture in enumerate(order):
            other = order[(at + step) % len(order)]
            partners[picture] = other if other != picture else None
    return partners


def blank(image: bytes) -> bytes:
    """A PNG of one mid grey, of the size of the picture."""
    return _blank(_size(image))


def noise(image: bytes, *, seed: int) -> bytes:
    """A PNG of uniform grey noise in the picture's shape, its longer side at most 512 pixels."""
    width, height = _size(image)
    scale = min(1.0, _MAX_PX / max(width, height))
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    own = int.from_bytes(hashlib.sha256(image).digest()[:8], "big")
    pixels = np.random.default_rng([seed, own]).integers(0, 256, size=shape, dtype=np.uint8)
    return _png(Image.fromarray(pixels))


def sha256s(images: Iterable[bytes]) -> tuple[str, ...]:
    """The SHA-256 of each image's bytes, in hex."""
    return tuple(hashlib.sha256(image).hexdigest() for image in images)


def _size(image: bytes) -> tuple[int, int]:
    try:
        with Image.open(BytesIO(image)) as opened:
            return opened.size
    except (UnidentifiedImageError, OSError):
        return (224, 224)


@lru_cache(maxsize=64)
def _blank(size: tuple[int, int]) -> bytes:
    return _png(Image.new("L", size, _GREY))


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.convert("RGB").save(out, "PNG")
    return out.getvalue()
