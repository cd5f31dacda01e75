"""A dermoscopic image of a pigmented lesion, small or large, of one brown or of several colors."""

import math

import numpy as np

from doctorsun.core.schema import Fact
from doctorsun.data.drawing import (
    Drawing,
    Jitter,
    Pixels,
    Plane,
    Stamp,
    between,
    blank,
    coin,
    finish,
    paint,
    ridge,
    texture,
    tint,
)


def draw(rng: np.random.Generator, px: int) -> Drawing:
    """One dermoscopic image with its facts."""
    mixed, large = coin(rng), coin(rng)
    plane = Plane(rng, px, Jitter(turn_deg=180, scale=0.05, shift=0.15))
    tone = between(rng, 0.78, 0.92)
    image_HWC = blank(px, (tone, tone * between(rng, 0.74, 0.8), tone * between(rng, 0.62, 0.7)))
    image_HWC += texture(rng, px, 24)[..., None] * np.float32(0.018)
    radius = between(rng, 0.5, 0.58) if large else between(rng, 0.26, 0.31)
    stamp = plane.jagged(rng, (0, 0), radius, depth=between(rng, 0.04, 0.2))
    _pigment(rng, image_HWC, stamp)
    if mixed:
        _patches(rng, plane, image_HWC, radius)
    for _ in range(int(rng.integers(0, 4))):
        _hair(rng, plane, image_HWC)
    facts = (
        Fact("modality", '"dermoscopy"'),
        Fact("region", '"skin"'),
        Fact("skin_lesion_size", '"large"' if large else '"small"', box_xyxy=stamp.box),
        Fact("color_variegation", status="present" if mixed else "absent"),
    )
    png = finish(rng, image_HWC, noise=between(rng, 0.01, 0.025), exposure=0.06)
    return Drawing(png, facts, "dermoscopy", "skin")


def _pigment(rng: np.random.Generator, image_HWC: Pixels, stamp: Stamp) -> None:
    """Brown with darker and lighter patches and a faint network."""
    brown = between(rng, 0.3, 0.5)
    paint(image_HWC, stamp, (brown, brown * 0.62, brown * 0.42), strength=0.93)
    px = image_HWC.shape[0]
    patches_HW = texture(rng, px, 7) * np.float32(0.05) + texture(rng, px, 30) * np.float32(0.025)
    image_HWC[stamp.window] += (patches_HW[stamp.window] * stamp.mask_HW)[..., None]


def _patches(rng: np.random.Generator, plane: Plane, image_HWC: Pixels, radius: float) -> None:
    """Black, blue-grey and red patches inside the lesion, each at its own side."""
    turn = between(rng, 0, 2 * math.pi)
    for at, colour in enumerate(((0.08, 0.05, 0.06), (0.5, 0.53, 0.62), (0.78, 0.36, 0.32))):
        angle = turn + at * 2 * math.pi / 3 + between(rng, -0.3, 0.3)
        middle = (radius * 0.48 * math.cos(angle), radius * 0.48 * math.sin(angle))
        size = radius * between(rng, 0.4, 0.5)
        paint(image_HWC, plane.blob(rng, middle, (size, size), wobble=0.2, soft=0.16), colour, strength=0.85)


def _hair(rng: np.random.Generator, plane: Plane, image_HWC: Pixels) -> None:
    """A thin dark curve across the whole picture."""
    angle, off = between(rng, 0, math.pi), between(rng, -0.9, 0.9)
    across_HW = plane.x_HW * np.float32(math.cos(angle)) + plane.y_HW * np.float32(math.sin(angle))
    along_HW = plane.y_HW * np.float32(math.cos(angle)) - plane.x_HW * np.float32(math.sin(angle))
    bow_HW = np.float32(between(rng, -0.25, 0.25)) * along_HW**2
    tint(image_HWC, ridge(across_HW - np.float32(off) - bow_HW, 0.02) * np.float32(0.75), (0.16, 0.11, 0.09))
