"""Pictures as a leak alters them: smaller, worse, lighter, mirrored, cropped by 5 % of the area, or all."""

import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

KEPT_AREA = 0.95


def alter(pixels: np.ndarray, kind: str, rng: random.Random) -> np.ndarray:
    """Another version of uint8 RGB pixels, as a JPEG shows it."""
    picture = Image.fromarray(pixels)
    for step in KINDS[kind]:
        picture = step(picture, rng)
    quality = 50 if kind in ("jpeg", "all") else 95
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _resize(picture: Image.Image, rng: random.Random) -> Image.Image:
    share = rng.uniform(0.5, 0.8)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _contrast(picture: Image.Image, rng: random.Random) -> Image.Image:
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.6, 1.5))
    return ImageEnhance.Brightness(picture).enhance(rng.uniform(0.7, 1.3))


def _flip(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.mirror(picture)


def _perhaps_flip(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.mirror(picture) if rng.random() < 0.5 else picture


def _crop(picture: Image.Image, rng: random.Random) -> Image.Image:
    across = rng.uniform(KEPT_AREA, 1)
    width, height = round(picture.width * across), round(picture.height * KEPT_AREA / across)
    left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


Step = Callable[[Image.Image, random.Random], Image.Image]
KINDS: dict[str, tuple[Step, ...]] = {
    "resize": (_resize,),
    "jpeg": (),
    "contrast": (_contrast,),
    "flip": (_flip,),
    "crop": (_crop,),
    "all": (_perhaps_flip, _crop, _resize, _contrast),
}
