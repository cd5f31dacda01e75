"""A stained blood smear: red cells, 0 to 5 white cells, malaria parasites in some red cells."""

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
    """One field of a blood smear with its facts."""
    white_cells, infected = int(rng.integers(6)), coin(rng)
    plane = Plane(rng, px, Jitter(turn_deg=45, scale=0.06, shift=0.0))
    upright = Plane(rng, px, Jitter(turn_deg=0, scale=0.0, shift=0.0))
    pale = between(rng, 0.86, 0.95)
    image_HWC = blank(px, (pale, pale * 0.95, pale * 0.9))
    image_HWC += texture(rng, px, 6)[..., None] * np.float32(0.012)
    whites = spread(rng, white_cells, apart=0.5, limit=0.74)
    _red_cells(rng, plane, image_HWC)
    if infected:
        for at in spread(rng, int(rng.integers(4, 8)), apart=0.36, limit=0.85, avoid=tuple(whites)):
            _infected_cell(rng, upright, image_HWC, at)
    for at in whites:
        _white_cell(rng, upright, image_HWC, at)
    facts = (
        Fact("modality", '"blood_smear"'),
        Fact("region", '"blood"'),
        Fact("wbc_count", str(white_cells)),
        Fact("malaria_parasite", status="present" if infected else "absent"),
    )
    png = finish(rng, image_HWC, noise=between(rng, 0.01, 0.025), exposure=0.06)
    return Drawing(png, facts, "blood_smear", "blood")


def _red_cells(rng: np.random.Generator, plane: Plane, image_HWC: Pixels) -> None:
    """Discs with a pale middle: one in most meshes of a turned net."""
    net = Net(rng, plane, 0.31, filled=0.85, size=(0.1, 0.135))
    r_HW = np.sqrt(net.x_HW**2 + net.y_HW**2)
    cover_HW = np.clip((net.size_HW - r_HW) * 40, 0, 1)
    pale_HW = np.clip(1 - r_HW * np.float32(1 / 0.09), 0, 1) * cover_HW
    red = between(rng, 0.8, 0.9)
    tint(image_HWC, cover_HW * np.float32(0.9), (red, red * 0.62, red * 0.64))
    tint(image_HWC, pale_HW * np.float32(0.6), (0.93, 0.8, 0.78))


def _infected_cell(rng: np.random.Generator, plane: Plane, image_HWC: Pixels, at: Point) -> None:
    """A red cell with the dark ring and dot of a parasite."""
    paint(image_HWC, plane.ellipse(at, (0.15, 0.14), soft=0.04), (0.86, 0.58, 0.6))
    inside = (at[0] + between(rng, -0.03, 0.03), at[1] + between(rng, -0.03, 0.03))
    paint(image_HWC, plane.ellipse(inside, (0.09, 0.08), soft=0.03), (0.22, 0.12, 0.5))
    paint(image_HWC, plane.ellipse(inside, (0.04, 0.035), soft=0.03), (0.82, 0.6, 0.68))
    angle = between(rng, 0, 2 * math.pi)
    dot = (inside[0] + 0.075 * math.cos(angle), inside[1] + 0.075 * math.sin(angle))
    paint(image_HWC, plane.ellipse(dot, (0.04, 0.04), soft=0.02), (0.5, 0.02, 0.2))


def _white_cell(rng: np.random.Generator, plane: Plane, image_HWC: Pixels, at: Point) -> None:
    """A large pale cell with a purple nucleus of two or three lobes."""
    body = between(rng, 0.2, 0.23)
    paint(image_HWC, plane.blob(rng, at, (body, body), wobble=0.05), (0.78, 0.74, 0.88))
    turn = between(rng, 0, 2 * math.pi)
    lobes = int(rng.integers(2, 4))
    for lobe in range(lobes):
        angle = turn + lobe * 2 * math.pi / lobes
        middle = (at[0] + 0.075 * math.cos(angle), at[1] + 0.075 * math.sin(angle))
        paint(image_HWC, plane.ellipse(middle, (0.1, 0.09), soft=0.03), (0.36, 0.16, 0.55))
