"""A frontal chest film: lungs, ribs, heart and spine; a nodule with side and size, and an effusion at a base.

As films are read: the patient's right is on the left of the picture, the heart leans to the patient's left.
"""

import numpy as np

from doctorsun.core.schema import Fact, Laterality
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
    """One chest film with its facts."""
    has_nodule, has_effusion = coin(rng), coin(rng)
    nodule_side: Laterality = "left" if coin(rng) else "right"
    effusion_side: Laterality = "left" if coin(rng) else "right"
    large = coin(rng)
    plane = Plane(rng, px, Jitter(turn_deg=5))
    image_HWC = _lungs(rng, plane)
    facts = [Fact("modality", '"xray"'), Fact("region", '"chest"'), Fact("view", '"pa"')]
    if has_effusion:
        _effusion(rng, plane, image_HWC, effusion_side)
        facts.append(Fact("effusion", status="present", laterality=effusion_side))
    else:
        facts.append(Fact("effusion", status="absent"))
    _middle(rng, plane, image_HWC)
    if has_nodule:
        size = between(rng, 0.22, 0.26) if large else between(rng, 0.115, 0.13)
        across = (1 if nodule_side == "left" else -1) * between(rng, 0.38, 0.5)
        at = (across, between(rng, -0.45, 0.12))
        stamp = plane.blob(rng, at, (size, size * between(rng, 0.85, 1.0)), wobble=0.05, soft=0.07)
        paint(image_HWC, stamp, (between(rng, 0.82, 0.94),), strength=0.85)
        facts += [
            Fact("nodule", status="present", laterality=nodule_side, box_xyxy=stamp.box),
            Fact("nodule_side", f'"{nodule_side}"'),
            Fact("nodule_size", '"large"' if large else '"small"'),
        ]
    else:
        facts.append(Fact("nodule", status="absent"))
    return Drawing(finish(rng, image_HWC, noise=between(rng, 0.015, 0.04)), tuple(facts), "xray", "chest")


def _lungs(rng: np.random.Generator, plane: Plane) -> Pixels:
    """Soft tissue, two dark lungs, ribs that fall to the sides, clavicles."""
    x_HW, y_HW = plane.x_HW, plane.y_HW
    image_HWC = blank(plane.px, (0.04,))
    soft_tissue = between(rng, 0.48, 0.58)
    paint(image_HWC, plane.ellipse((0, 0.6), (0.99, 1.5), soft=0.1), (soft_tissue,))
    paint(image_HWC, plane.ellipse((0, -0.95), (0.3, 0.5), soft=0.12), (soft_tissue + 0.05,))
    air = between(rng, 0.12, 0.22)
    for side in (-1, 1):
        paint(image_HWC, _lung(plane, side), (air,), strength=0.95)
    sides_HW = np.abs(x_HW)
    phase = between(rng, 0, 2 * np.pi)
    ribs_HW = np.sin(y_HW * np.float32(between(rng, 15, 18)) - 6 * sides_HW + np.float32(phase))
    ribs_HW = np.clip(ribs_HW * 1.5 - 0.3, 0, 1) * np.clip((0.86 - sides_HW) * 12, 0, 1) * (y_HW < 0.6)
    image_HWC[..., 0] += ribs_HW * np.clip((y_HW + 0.9) * 4, 0, 1) * np.float32(between(rng, 0.07, 0.12))
    collar_HW = ridge(y_HW + 0.62 + 0.25 * sides_HW, 0.06) * np.clip((0.78 - sides_HW) * 8, 0, 1)
    image_HWC[..., 0] += collar_HW * np.float32(0.13)
    image_HWC[..., 0] += texture(rng, plane.px, 14) * np.float32(0.02)
    return image_HWC


def _middle(rng: np.random.Generator, plane: Plane, image_HWC: Pixels) -> None:
    """Spine, vessels at the roots of the lungs, heart and the two domes of the diaphragm."""
    tint(image_HWC, ridge(plane.x_HW, 0.17) * np.float32(0.85), (0.74,))
    joints_HW = np.sin(plane.y_HW * 26) * ridge(plane.x_HW, 0.1)
    image_HWC[..., 0] += joints_HW * np.float32(0.04)
    for side in (-1, 1):
        root = plane.ellipse((side * 0.17, -0.08), (0.1, 0.2), angle=-side * 0.3, soft=0.1)
        paint(image_HWC, root, (0.55,), strength=0.7)
    paint(image_HWC, plane.ellipse((0.1, -0.34), (0.12, 0.14), soft=0.07), (0.72,), strength=0.8)
    heart = plane.blob(rng, (0.14, 0.34), (0.36, 0.3), wobble=0.04, soft=0.06)
    paint(image_HWC, heart, (0.76,), strength=0.93)
    paint(image_HWC, plane.ellipse((-0.48, 1.04), (0.56, 0.52), soft=0.05), (0.8,), strength=0.96)
    paint(image_HWC, plane.ellipse((0.48, 1.1), (0.56, 0.52), soft=0.05), (0.76,), strength=0.96)


def _lung(plane: Plane, side: int) -> Stamp:
    return plane.ellipse((side * 0.45, -0.02), (0.37, 0.84), angle=side * 0.1, soft=0.1)


def _effusion(rng: np.random.Generator, plane: Plane, image_HWC: Pixels, side: Laterality) -> None:
    """White fluid that fills the base of one lung, its meniscus climbing along the chest wall."""
    sign = 1 if side == "left" else -1
    lung = _lung(plane, sign)
    outward_HW = plane.x_HW[lung.window] * sign
    level = between(rng, 0.14, 0.3)
    surface_HW = level - 0.9 * np.clip(outward_HW - 0.42, 0, 1) ** 1.5
    fluid_HW = np.clip((plane.y_HW[lung.window] - surface_HW) * 9, 0, 1) * lung.mask_HW
    tint(image_HWC[lung.window], fluid_HW.astype(np.float32), (between(rng, 0.8, 0.88),))
