"""A breast ultrasound image: layers and speckle; a dark mass with its size and half of the picture."""

import numpy as np

from doctorsun.core.schema import Fact
from doctorsun.data.drawing import (
    Drawing,
    Jitter,
    Pixels,
    Plane,
    between,
    blank,
    coin,
    finish,
    paint,
    ridge,
    texture,
)


def draw(rng: np.random.Generator, px: int) -> Drawing:
    """One breast ultrasound image with its facts."""
    has_mass, right, large = coin(rng), coin(rng), coin(rng)
    plane = Plane(rng, px, Jitter(turn_deg=5, scale=0.06, shift=0.04))
    image_HWC = _layers(rng, plane)
    facts = [Fact("modality", '"ultrasound"'), Fact("region", '"breast"')]
    if has_mass:
        size = between(rng, 0.33, 0.39) if large else between(rng, 0.16, 0.185)
        at = ((1 if right else -1) * between(rng, 0.4, 0.52), between(rng, -0.22, 0.3))
        trail = plane.ellipse((at[0], at[1] + size * 1.7), (size * 0.75, size * 1.4), soft=0.2)
        paint(image_HWC, trail, (0.85,), strength=0.45)
        stamp = plane.ellipse(
            at, (size, size * between(rng, 0.62, 0.8)), angle=between(rng, -0.25, 0.25), soft=0.05
        )
        paint(image_HWC, stamp, (between(rng, 0.05, 0.1),), strength=0.95)
        half = "right" if right else "left"
        facts += [
            Fact("breast_mass", status="present", box_xyxy=stamp.box),
            Fact("breast_mass_half", f'"{half}"'),
            Fact("breast_mass_size", '"large"' if large else '"small"'),
        ]
    else:
        facts.append(Fact("breast_mass", status="absent"))
    _speckle(rng, image_HWC)
    png = finish(rng, image_HWC, noise=between(rng, 0.01, 0.025), exposure=0.08)
    return Drawing(png, tuple(facts), "ultrasound", "breast")


def _layers(rng: np.random.Generator, plane: Plane) -> Pixels:
    """Skin, fat with septa, glandular tissue, the bright fascia and the dark muscle below it."""
    image_HWC = blank(plane.px, (0.42,))
    fascia = np.float32(between(rng, 0.6, 0.72))
    waves_HW = texture(rng, plane.px, (4, 3)) * np.float32(0.05)
    depth_HW = plane.y_HW + waves_HW
    grey_HW = image_HWC[..., 0]
    grey_HW += texture(rng, plane.px, (22, 7)) * np.float32(0.06)
    grey_HW -= np.float32(0.14) * np.clip((-0.5 - depth_HW) * 8, 0, 1)
    grey_HW -= np.float32(0.2) * np.clip((depth_HW - fascia) * 8, 0, 1)
    grey_HW += ridge(depth_HW + 0.93, 0.08) * np.float32(0.5)
    grey_HW += ridge(depth_HW + 0.5, 0.04) * np.float32(0.2)
    grey_HW += ridge(depth_HW - fascia, 0.05) * np.float32(0.3)
    return image_HWC


def _speckle(rng: np.random.Generator, image_HWC: Pixels) -> None:
    """Grain that grows with brightness, drawn out sideways as a probe's beam does."""
    px = image_HWC.shape[0]
    grain_HW = texture(rng, px, (px // 2, px // 4))
    image_HWC[..., 0] *= np.float32(1.0) + np.float32(between(rng, 0.16, 0.24)) * grain_HW
