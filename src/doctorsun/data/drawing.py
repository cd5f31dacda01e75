"""Drawing for phantoms: a plane with shapes, textures and noise, in numpy and Pillow alone.

Shapes: `_HW` is rows by columns, `_HWC` with 1 or 3 channels. Objects live in a frame of -1..1 (x to the
right, y down) which the plane turns, scales and shifts a little, so that no exact place tells a fact.
"""

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from doctorsun.core.schema import Fact

Pixels = NDArray[np.float32]
Box = tuple[float, float, float, float]
Point = tuple[float, float]
Colour = tuple[float, ...]
Window = tuple[slice, slice]
_REACH = 1.6  # how far a net goes from the middle, so that it covers a turned picture
_HUFFMAN_ONLY = 2  # zlib's strategy for noise: three times as fast, no bigger


@dataclass(frozen=True)
class Drawing:
    """One finished phantom: the bytes of a PNG file, and every fact of it."""

    png: bytes
    facts: tuple[Fact, ...]
    modality: str
    anatomy: str


@dataclass(frozen=True)
class Jitter:
    """How far a plane may be turned (degrees), scaled and shifted, each to both sides."""

    turn_deg: float = 7.0
    scale: float = 0.08
    shift: float = 0.06


@dataclass(frozen=True)
class Stamp:
    """A soft shape: its mask (0..1) in a window of the picture."""

    window: Window
    mask_HW: Pixels
    px: int

    @property
    def box(self) -> Box:
        """The bounds of what is covered at least half, 0..1 of width and height: x0, y0, x1, y1."""
        rows, columns = np.nonzero(self.mask_HW >= 0.5 * self.mask_HW.max())
        top, left = self.window[0].start, self.window[1].start
        px = self.px
        return (
            round(float((left + columns.min()) / px), 4),
            round(float((top + rows.min()) / px), 4),
            round(float((left + columns.max() + 1) / px), 4),
            round(float((top + rows.max() + 1) / px), 4),
        )


class Plane:
    """The frame of -1..1 that objects are placed in, turned, scaled and shifted at random."""

    def __init__(self, rng: np.random.Generator, px: int, jitter: Jitter | None = None) -> None:
        jitter = jitter or Jitter()
        turn, scale, x, y = rng.uniform(-1, 1, 4)
        self.px = px
        self.scale = 1.0 + jitter.scale * float(scale)
        self.shift = (jitter.shift * float(x), jitter.shift * float(y))
        angle = math.radians(jitter.turn_deg * float(turn))
        self._cos, self._sin = math.cos(angle), math.sin(angle)
        across_HW, down_HW = _grid(px)
        x_HW = (across_HW - np.float32(self.shift[0])) * np.float32(1 / self.scale)
        y_HW = (down_HW - np.float32(self.shift[1])) * np.float32(1 / self.scale)
        cos, sin = np.float32(self._cos), np.float32(self._sin)
        self.x_HW: Pixels = cos * x_HW + sin * y_HW
        self.y_HW: Pixels = cos * y_HW - sin * x_HW

    def window(self, at: Point, reach: float) -> Window:
        """The pixels that lie within `reach` of a point."""
        across = self.scale * (self._cos * at[0] - self._sin * at[1]) + self.shift[0]
        down = self.scale * (self._sin * at[0] + self._cos * at[1]) + self.shift[1]
        half = reach * self.scale * self.px / 2 + 1
        column, row = (across + 1) * self.px / 2, (down + 1) * self.px / 2
        return _span(row, half, self.px), _span(column, half, self.px)

    def ellipse(self, at: Point, radii: Point, *, angle: float = 0.0, soft: float = 0.03) -> Stamp:
        """An ellipse whose edge fades over `soft`; `angle` in radians."""
        window = self.window(at, max(radii) + soft)
        along_HW, over_HW = self._local(window, at, angle)
        r_HW = np.sqrt((along_HW / np.float32(radii[0])) ** 2 + (over_HW / np.float32(radii[1])) ** 2)
        return Stamp(window, _edge(1 - r_HW, min(radii) / soft), self.px)

    def blob(
        self, rng: np.random.Generator, at: Point, radii: Point, *, wobble: float, soft: float = 0.04
    ) -> Stamp:
        """An ellipse with an uneven outline: `wobble` is the share of the radius it goes in and out."""
        window = self.window(at, max(radii) * (1 + 1.5 * wobble) + soft)
        along_HW, over_HW = self._local(window, at, float(rng.uniform(0, math.pi)))
        along_HW, over_HW = along_HW / np.float32(radii[0]), over_HW / np.float32(radii[1])
        around_HW = np.arctan2(over_HW, along_HW)
        outline_HW = np.ones_like(around_HW)
        for waves in (2, 3, 4, 7):
            phase = np.float32(rng.uniform(0, 6.3))
            outline_HW += np.float32(1.6 * wobble / waves) * np.cos(waves * around_HW + phase)
        r_HW = np.sqrt(along_HW**2 + over_HW**2)
        return Stamp(window, _edge(outline_HW - r_HW, min(radii) / soft), self.px)

    def jagged(self, rng: np.random.Generator, at: Point, radius: float, *, depth: float) -> Stamp:
        """A round shape with an irregular, notched border that goes in and out by `depth` of the radius."""
        window = self.window(at, radius * (1 + 1.5 * depth) + 0.03)
        x_HW, y_HW = self._local(window, at, 0.0)
        around_HW = np.arctan2(y_HW, x_HW)
        outline_HW = np.ones_like(around_HW)
        for waves, share in ((3, 0.35), (5, 0.4), (8, 0.45), (11, 0.35)):
            turns = waves + int(rng.integers(2))
            phase = np.float32(rng.uniform(0, 6.3))
            outline_HW += np.float32(depth * share) * np.cos(turns * around_HW + phase)
        r_HW = np.sqrt(x_HW**2 + y_HW**2) / np.float32(radius)
        return Stamp(window, _edge(outline_HW - r_HW, radius / 0.03), self.px)

    def _local(self, window: Window, at: Point, angle: float) -> tuple[Pixels, Pixels]:
        x_HW = self.x_HW[window] - np.float32(at[0])
        y_HW = self.y_HW[window] - np.float32(at[1])
        if angle == 0.0:
            return x_HW, y_HW
        cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        return cos * x_HW + sin * y_HW, cos * y_HW - sin * x_HW


class Net:
    """Meshes of a turned net, each with at most one small thing off its middle: many cells drawn at once.

    `x_HW`, `y_HW` are the offsets of every pixel from the thing of its mesh; `size_HW` is that thing's size,
    0 where the mesh is empty.
    """

    def __init__(
        self, rng: np.random.Generator, plane: Plane, pitch: float, *, filled: float, size: Point
    ) -> None:
        net = math.ceil(2 * _REACH / pitch)
        sizes = rng.uniform(*size, (net, net)).astype(np.float32)
        shift = rng.uniform(-1, 1, (2, net, net)).astype(np.float32) * (np.float32(pitch / 2) - sizes)
        sizes *= rng.random((net, net)) < filled
        across_HW = (plane.x_HW + np.float32(_REACH)) * np.float32(1 / pitch)
        down_HW = (plane.y_HW + np.float32(_REACH)) * np.float32(1 / pitch)
        column_HW = np.clip(across_HW.astype(np.intp), 0, net - 1)
        row_HW = np.clip(down_HW.astype(np.intp), 0, net - 1)
        mesh_HW = row_HW * net + column_HW
        self.x_HW: Pixels = (across_HW - column_HW.astype(np.float32) - np.float32(0.5)) * np.float32(pitch)
        self.y_HW: Pixels = (down_HW - row_HW.astype(np.float32) - np.float32(0.5)) * np.float32(pitch)
        self.x_HW -= shift[0].ravel()[mesh_HW]
        self.y_HW -= shift[1].ravel()[mesh_HW]
        self.size_HW: Pixels = sizes.ravel()[mesh_HW]


def blank(px: int, colour: Colour) -> Pixels:
    """A picture of one colour; one channel or three."""
    return np.broadcast_to(np.array(colour, np.float32), (px, px, len(colour))).copy()


def paint(image_HWC: Pixels, stamp: Stamp, colour: Colour, *, strength: float = 1.0) -> None:
    """Cover the stamp's shape with a colour, in place."""
    part_HWC = image_HWC[stamp.window]
    cover_HW1 = (stamp.mask_HW * np.float32(strength))[..., None]
    part_HWC += (np.array(colour, np.float32) - part_HWC) * cover_HW1


def tint(image_HWC: Pixels, mask_HW: Pixels, colour: Colour) -> None:
    """Cover a whole-picture mask (0..1) with a colour, in place."""
    image_HWC += (np.array(colour, np.float32) - image_HWC) * mask_HW[..., None]


def texture(rng: np.random.Generator, px: int, cells: int | tuple[int, int]) -> Pixels:
    """Smooth random hills of about -2..2 with `cells` (rows, columns) across the picture."""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(Image.fromarray(coarse).resize((px, px), Image.Resampling.BICUBIC))


def ridge(distance_HW: NDArray[np.floating], width: float) -> Pixels:
    """1 where a distance is 0, falling to 0 at `width`."""
    line_HW: Pixels = np.clip(1 - np.abs(distance_HW) * np.float32(1 / width), 0, 1)
    return line_HW


def spread(
    rng: np.random.Generator, number: int, *, apart: float, limit: float, avoid: tuple[Point, ...] = ()
) -> list[Point]:
    """Points within -limit..limit, about `apart` from each other and from those to avoid."""
    found: list[Point] = []
    while len(found) < number:
        apart *= 0.98
        for x, y in rng.uniform(-limit, limit, (64, 2)).tolist():
            near = (math.hypot(x - a, y - b) < apart for a, b in (*found, *avoid))
            if len(found) < number and not any(near):
                found.append((x, y))
    return found


def finish(rng: np.random.Generator, image_HWC: Pixels, *, noise: float, exposure: float = 0.08) -> bytes:
    """The PNG bytes of a picture (0..1) after random contrast, brightness and noise."""
    gain = 1 + float(rng.uniform(-1.5, 1.5)) * exposure
    lift = float(rng.uniform(-1, 1)) * exposure / 2
    grain_HW1 = rng.standard_normal((*image_HWC.shape[:2], 1), dtype=np.float32)
    image_HWC = (image_HWC - 0.5) * np.float32(gain) + np.float32(0.5 + lift) + grain_HW1 * np.float32(noise)
    levels_HWC = (np.clip(image_HWC, 0, 1) * 255 + 0.5).astype(np.uint8)
    picture = Image.fromarray(levels_HWC[..., 0] if levels_HWC.shape[2] == 1 else levels_HWC)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, compress_type=_HUFFMAN_ONLY)
    return file.getvalue()


def coin(rng: np.random.Generator) -> bool:
    """True half of the time."""
    return bool(rng.integers(2))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn evenly from low..high."""
    return float(rng.uniform(low, high))


@lru_cache(maxsize=4)
def _grid(px: int) -> tuple[Pixels, Pixels]:
    line = ((np.arange(px, dtype=np.float32) + 0.5) / px * 2 - 1).astype(np.float32)
    across_HW, down_HW = np.meshgrid(line, line)
    return across_HW.astype(np.float32), down_HW.astype(np.float32)


def _edge(inside_HW: Pixels, steepness: float) -> Pixels:
    cover_HW: Pixels = np.clip(inside_HW * np.float32(steepness) + np.float32(0.5), 0, 1)
    return cover_HW


def _span(middle: float, half: float, px: int) -> slice:
    start = min(max(0, math.floor(middle - half)), px - 1)
    return slice(start, max(start + 1, min(px, math.ceil(middle + half) + 1)))
