"""An axial CT slice of the head: skull, brain, ventricles; a hemorrhage with side and size.

As slices are shown: the patient's right is on the left of the picture.
"""

import numpy as np

from doctorsun.core.schema import Fact, Laterality
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
    """One head CT slice with its facts."""
    bleeds, large = coin(rng), coin(rng)
    side: Laterality = "left" if coin(rng) else "right"
    plane = Plane(rng, px, Jitter(turn_deg=8, scale=0.07))
    image_HWC = _head(rng, plane)
    facts = [Fact("modality", '"ct"'), Fact("region", '"head"'), Fact("view", '"axial"')]
    if bleeds:
        size = between(rng, 0.24, 0.29) if large else between(rng, 0.12, 0.14)
        at = ((1 if side == "left" else -1) * between(rng, 0.3, 0.36), between(rng, -0.34, 0.36))
        radii = (size, size * between(rng, 0.75, 1.0))
        paint(
            image_HWC,
            plane.blob(rng, at, (radii[0] + 0.06, radii[1] + 0.06), wobble=0.1),
            (0.3,),
            strength=0.6,
        )
        stamp = plane.blob(rng, at, radii, wobble=0.1, soft=0.04)
        paint(image_HWC, stamp, (between(rng, 0.78, 0.9),), strength=0.95)
        facts += [
            Fact("haemorrhage", status="present", laterality=side, box_xyxy=stamp.box),
            Fact("haemorrhage_side", f'"{side}"'),
            Fact("haemorrhage_size", '"large"' if large else '"small"'),
        ]
    else:
        facts.append(Fact("haemorrhage", status="absent"))
    return Drawing(finish(rng, image_HWC, noise=between(rng, 0.015, 0.035)), tuple(facts), "ct", "head")


def _head(rng: np.random.Generator, plane: Plane) -> Pixels:
    image_HWC = blank(plane.px, (0.02,))
    width, height = between(rng, 0.68, 0.75), between(rng, 0.84, 0.92)
    bone = between(rng, 0.06, 0.09)
    paint(image_HWC, plane.ellipse((0, 0), (width + 0.05, height + 0.05), soft=0.03), (0.25,))
    paint(image_HWC, plane.ellipse((0, 0), (width, height), soft=0.03), (0.98,))
    brain = plane.ellipse((0, 0), (width - bone, height - bone), soft=0.03)
    grey = between(rng, 0.42, 0.5)
    paint(image_HWC, brain, (grey,))
    folds_HW = np.sin(4.5 * texture(rng, plane.px, 9)) * np.float32(0.035)
    image_HWC[..., 0][brain.window] += folds_HW[brain.window] * brain.mask_HW
    middle_HW = ridge(plane.x_HW, 0.03) * (np.abs(plane.y_HW) > 0.34) * (np.abs(plane.y_HW) < height - bone)
    image_HWC[..., 0] += middle_HW * np.float32(0.14)
    wide = between(rng, 0.05, 0.085)
    for sign in (-1, 1):
        front = plane.ellipse((sign * 0.1, -0.2), (wide, 0.2), angle=-sign * 0.35, soft=0.03)
        back = plane.ellipse((sign * 0.14, 0.22), (wide, 0.2), angle=sign * 0.4, soft=0.03)
        paint(image_HWC, front, (0.16,), strength=0.9)
        paint(image_HWC, back, (0.16,), strength=0.9)
    return image_HWC
