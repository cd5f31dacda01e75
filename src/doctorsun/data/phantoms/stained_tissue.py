"""Tissue in hematoxylin and eosin: 0 to 5 mitotic figures; a lymphocyte infiltrate with size and half."""

import math

import numpy as np

from doctorsun.core.schema import Fact
from doctorsun.data.drawing import (
    Drawing,
    Jitter,
    Net,
    Pixels,
    Plane,
    Point,
    between,
    blank,
    coin,
    finish,
    paint,
    spread,
    texture,
    tint,
)


def draw(rng: np.random.Generator, px: int) -> Drawing:
    """One field of stained tissue with its facts."""
    mitoses, inflamed, right, large = int(rng.integers(6)), coin(rng), coin(rng), coin(rng)
    turned = Plane(rng, px, Jitter(turn_deg=45, scale=0.06, shift=0.0))
    plane = Plane(rng, px, Jitter(turn_deg=0, scale=0.0, shift=0.0))
    image_HWC = _stroma(rng, turned)
    facts = [Fact("modality", '"histology"'), Fact("region", '"tissue"')]
    reach = between(rng, 0.42, 0.48) if large else between(rng, 0.2, 0.24)
    middle: Point = ((1 if right else -1) * between(rng, 0.46, 0.52), between(rng, -0.4, 0.4))
    if inflamed:
        _infiltrate(rng, turned, image_HWC, middle, reach)
        half = "right" if right else "left"
        facts += [
            Fact("lymphocyte_infiltrate", status="present"),
            Fact("infiltrate_half", f'"{half}"'),
            Fact("infiltrate_size", '"large"' if large else '"small"'),
        ]
    else:
        facts.append(Fact("lymphocyte_infiltrate", status="absent"))
    places = spread(rng, 5, apart=0.48, limit=0.77, avoid=((middle[0] * 1.1, middle[1]),) if inflamed else ())
    for at in places[:mitoses]:
        _mitosis(rng, plane, image_HWC, at)
    facts.append(Fact("mitosis_count", str(mitoses)))
    png = finish(rng, image_HWC, noise=between(rng, 0.01, 0.025), exposure=0.06)
    return Drawing(png, tuple(facts), "histology", "tissue")


def _stroma(rng: np.random.Generator, plane: Plane) -> Pixels:
    """Pink ground with fibres, and pale purple nuclei in the meshes of a net."""
    pink = between(rng, 0.84, 0.94)
    image_HWC = blank(plane.px, (pink, pink * between(rng, 0.68, 0.76), pink * 0.85))
    fibres_HW = np.sin(3.0 * texture(rng, plane.px, 7) + 6 * plane.x_HW)
    image_HWC += (fibres_HW * np.float32(0.03))[..., None]
    net = Net(rng, plane, 0.2, filled=0.75, size=(0.045, 0.06))
    r_HW = np.sqrt(net.x_HW**2 + 2 * net.y_HW**2)
    cover_HW = np.clip((net.size_HW - r_HW) * 45, 0, 1)
    tint(image_HWC, cover_HW * np.float32(0.7), (0.58, 0.4, 0.68))
    return image_HWC


def _infiltrate(
    rng: np.random.Generator, plane: Plane, image_HWC: Pixels, middle: Point, reach: float
) -> None:
    """A crowd of small, round, dark blue nuclei."""
    zone = plane.blob(rng, middle, (reach, reach), wobble=0.06, soft=0.1)
    paint(image_HWC, zone, (0.68, 0.54, 0.82), strength=0.6)
    net = Net(rng, plane, 0.11, filled=0.95, size=(0.028, 0.042))
    nuclei_HW = np.clip((net.size_HW - np.sqrt(net.x_HW**2 + net.y_HW**2)) * 60, 0, 1)
    tint(image_HWC[zone.window], nuclei_HW[zone.window] * zone.mask_HW * np.float32(0.9), (0.38, 0.3, 0.66))


def _mitosis(rng: np.random.Generator, plane: Plane, image_HWC: Pixels, at: Point) -> None:
    """A clear, round cell with a thick, nearly black plate of chromosomes across its middle."""
    paint(image_HWC, plane.blob(rng, at, (0.22, 0.21), wobble=0.05, soft=0.05), (0.98, 0.9, 0.95))
    angle = between(rng, 0, math.pi)
    paint(image_HWC, plane.ellipse(at, (0.16, 0.095), angle=angle, soft=0.04), (0.1, 0.03, 0.22))
