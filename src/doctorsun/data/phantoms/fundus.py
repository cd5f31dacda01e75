"""A fundus photograph: disc, vessels and macula tell the eye; hard exudates and hemorrhages.

As photographs are taken: in a right eye the disc lies on the right of the picture, in a left eye on the left.
"""

import math

import numpy as np

from doctorsun.core.schema import Fact
from doctorsun.data.drawing import (
    Drawing,
    Jitter,
    Pixels,
    Plane,
    Point,
    between,
    blank,
    coin,
    finish,
    paint,
    ridge,
    spread,
    texture,
    tint,
)

_VESSELS = ((-1, 0.95, 0.55), (1, 0.95, 0.55), (-1, 0.5, 0.75), (1, 0.5, 0.75))


def draw(rng: np.random.Generator, px: int) -> Drawing:
    """One fundus photograph with its facts."""
    right, exudes, bleeds, large = coin(rng), coin(rng), coin(rng), coin(rng)
    plane = Plane(rng, px, Jitter(turn_deg=8, scale=0.05, shift=0.05))
    nasal = 1 if right else -1
    disc: Point = (nasal * between(rng, 0.5, 0.6), between(rng, -0.08, 0.08))
    macula: Point = (disc[0] - nasal * 0.72, between(rng, 0.02, 0.12))
    image_HWC = _retina(rng, plane, disc, macula, nasal)
    facts = [Fact("modality", '"fundus_photo"'), Fact("region", '"eye"')]
    facts.append(Fact("eye_side", '"right_eye"' if right else '"left_eye"'))
    _exudates(rng, plane, image_HWC, macula, number=int(rng.integers(12, 19)) if exudes else 0)
    facts.append(Fact("hard_exudate", status="present" if exudes else "absent"))
    if bleeds:
        _haemorrhages(rng, plane, image_HWC, large=large, avoid=(disc, macula))
        facts.append(Fact("retinal_haemorrhage", status="present"))
        facts.append(Fact("retinal_haemorrhage_size", '"large"' if large else '"small"'))
    else:
        facts.append(Fact("retinal_haemorrhage", status="absent"))
    field_HW = np.clip((0.95 - np.sqrt(plane.x_HW**2 + plane.y_HW**2)) * 25, 0, 1)
    image_HWC = (image_HWC * field_HW[..., None]).astype(np.float32)
    png = finish(rng, image_HWC, noise=between(rng, 0.008, 0.02), exposure=0.06)
    return Drawing(png, tuple(facts), "fundus_photo", "eye")


def _retina(rng: np.random.Generator, plane: Plane, disc: Point, macula: Point, nasal: int) -> Pixels:
    red, green = between(rng, 0.72, 0.86), between(rng, 0.34, 0.44)
    image_HWC = blank(plane.px, (red, green, between(rng, 0.12, 0.2)))
    shade_HW = np.float32(1.05) - np.float32(0.3) * (plane.x_HW**2 + plane.y_HW**2)
    image_HWC *= (shade_HW + texture(rng, plane.px, 8) * np.float32(0.025))[..., None]
    paint(
        image_HWC,
        plane.ellipse(macula, (0.26, 0.24), soft=0.22),
        (red * 0.55, green * 0.45, 0.08),
        strength=0.75,
    )
    paint(image_HWC, plane.ellipse(disc, (0.2, 0.22), soft=0.06), (0.98, 0.82, 0.5))
    paint(image_HWC, plane.ellipse(disc, (0.09, 0.1), soft=0.05), (1.0, 0.95, 0.75))
    along_HW = (disc[0] - plane.x_HW) * np.float32(nasal)
    over_HW = plane.y_HW - np.float32(disc[1])
    far_HW = np.sqrt(np.abs(along_HW))
    vessels_HW = np.zeros_like(along_HW)
    for sign, bow, bend in _VESSELS:
        bow *= between(rng, 0.85, 1.1)
        path_HW = sign * bow * far_HW * (1 - np.float32(bend * 0.45) * np.abs(along_HW))
        path_HW = path_HW + np.float32(0.03) * np.sin(7 * along_HW + np.float32(between(rng, 0, 6.3)))
        outward = along_HW > 0 if bow > 0.7 else along_HW < 0
        steep_HW = np.sqrt(1 + (0.5 * bow / (far_HW + 0.12)) ** 2)
        vessels_HW = np.maximum(vessels_HW, ridge((over_HW - path_HW) / steep_HW, 0.038) * outward)
    tint(image_HWC, (vessels_HW * 0.75).astype(np.float32), (0.56, 0.15, 0.1))
    return image_HWC


def _exudates(
    rng: np.random.Generator, plane: Plane, image_HWC: Pixels, macula: Point, *, number: int
) -> None:
    """Bright yellow, sharp specks in a ring around the macula."""
    for _ in range(number):
        angle, far = between(rng, 0, 2 * math.pi), between(rng, 0.14, 0.36)
        at = (macula[0] + far * math.cos(angle), macula[1] + far * math.sin(angle))
        size = between(rng, 0.05, 0.075)
        paint(image_HWC, plane.ellipse(at, (size, size * 0.8), soft=0.02), (1.0, 0.98, 0.62), strength=0.97)


def _haemorrhages(
    rng: np.random.Generator, plane: Plane, image_HWC: Pixels, *, large: bool, avoid: tuple[Point, ...]
) -> None:
    """Dark red blots, all small or all large."""
    for at in spread(rng, int(rng.integers(4, 7)), apart=0.33, limit=0.58, avoid=avoid):
        size = between(rng, 0.16, 0.19) if large else between(rng, 0.075, 0.09)
        paint(
            image_HWC,
            plane.blob(rng, at, (size, size * 0.9), wobble=0.15, soft=0.03),
            (0.24, 0.01, 0.02),
            strength=0.92,
        )
