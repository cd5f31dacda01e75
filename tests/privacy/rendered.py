"""Made pictures with text burned in, and the same kind of pictures without: the truth is known to a pixel.

`burned(number)` and `clean(number)` are functions of their number alone. Sizes, contrasts, turns and
languages take turns, so that any 400 pictures in a row hold every combination once.
"""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from doctorsun.core import plugins
from doctorsun.data import phantoms

SIZES = (10, 12, 14, 16, 18, 20, 24, 28, 32, 40)  # the font's em, in pixels
CONTRASTS = ("white", "black", "yellow", "faint")
TURNS = ("0", "90", "180", "270", "slanted")
LANGS = ("zh", "en")
FAINT = 45  # grey levels between faint text and what lies below it
SMOOTH = 16  # the most that the ground of faint text may vary, as a standard deviation of grey levels
PLAIN = 50  # grey levels by which other text differs from its ground, in 95 of 100 pixels
SHADES = {"white": ((255, 255, 255), 255), "black": ((0, 0, 0), 0), "yellow": ((255, 235, 20), 226)}
FONTS = Path("/usr/share/fonts")
FACES = {
    "zh": ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    "en": ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "LiberationSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
}
LINES = {
    "zh": ("姓名：张三丰", "男 67岁", "住院号0048127", "检查日期2024年3月5日", "市第一人民医院",
           "李明 女 45岁", "床号 12", "医师：王芳"),
    "en": ("ZHANG SAN", "ID: MRN889911", "DOB 1956-08-21", "2024-03-05 14:22:31", "Smith, John M 67Y",
           "Acc# A0012345", "ST. MARY HOSPITAL", "Dr. Wang"),
}  # fmt: skip
Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Style:
    """How the text of one picture looks."""

    size: int
    contrast: str
    turn: str
    lang: str


@dataclass(frozen=True)
class Burned:
    """A picture, uint8 [height, width] or [height, width, 3], and the inked pixels of each line of text."""

    pixels: NDArray[np.uint8]
    inks: tuple[NDArray[np.bool_], ...]
    style: Style


def style(number: int) -> Style:
    """The look of picture `number`: all combinations in turn."""
    rest, size = divmod(number, len(SIZES))
    rest, lang = divmod(rest, len(LANGS))
    rest, contrast = divmod(rest, len(CONTRASTS))
    return Style(SIZES[size], CONTRASTS[contrast], TURNS[rest % len(TURNS)], LANGS[lang])


@cache
def faces(lang: str) -> tuple[Path, ...]:
    """The fonts of this machine for a language."""
    return tuple(path for name in FACES[lang] for path in sorted(FONTS.rglob(name))[:1])


def can_draw(lang: str) -> bool:
    """Whether there is a font for a language; Pillow itself brings a Latin one."""
    return lang == "en" or bool(faces(lang))


def clean(number: int, *, px: int | None = None) -> NDArray[np.uint8]:
    """A phantom without text: 256 to 512 px, its own noise, every third through JPEG."""
    rng = np.random.default_rng([7, number])
    return _through_jpeg(_phantom(rng, number, px), number)


def burned(number: int, *, look: Style | None = None, px: int | None = None) -> Burned:
    """A phantom with one to three lines of text, drawn after its noise, every third through JPEG."""
    rng = np.random.default_rng([8, number])
    look = look or style(number)
    pixels = _phantom(rng, number, px)
    if look.contrast == "yellow" and pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    taken = np.zeros(pixels.shape[:2], np.bool_)
    inks = []
    for text in rng.permutation(LINES[look.lang])[: rng.integers(1, 4)]:
        stamp = _stamp(rng, str(text), look, min(pixels.shape[:2]) - 8)
        place = _place(rng, pixels, stamp, taken, look)
        if place is not None:
            inks.append(_burn(pixels, stamp, place, look))
            top, left = place
            taken[
                max(0, top - 4) : top + stamp.shape[0] + 4, max(0, left - 4) : left + stamp.shape[1] + 4
            ] = 1
    return Burned(_through_jpeg(pixels, number), tuple(inks), look)


def written(text: str, *, size: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The ink of a text in Pillow's own font, in the middle of a picture of this shape."""
    image = Image.new("L", (shape[1], shape[0]))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text((shape[1] // 2, shape[0] // 2), text, fill=255, font=font, anchor="mm")
    return np.asarray(image) >= 64


def _phantom(rng: np.random.Generator, number: int, px: int | None) -> NDArray[np.uint8]:
    kinds = plugins.names(phantoms)
    kind = plugins.find(phantoms, kinds[number % len(kinds)])
    drawing = kind.draw(rng, px or int(rng.choice((256, 320, 384, 512))))
    return np.array(Image.open(BytesIO(drawing.png)))


def _through_jpeg(pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    if number % 3:
        return pixels
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return np.array(Image.open(file))


def _font(rng: np.random.Generator, look: Style) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    found = faces(look.lang)
    if not found:
        return ImageFont.load_default(look.size)
    path = found[int(rng.integers(len(found)))]
    simplified = 2 if path.suffix == ".ttc" else 0
    return ImageFont.truetype(path, look.size, index=simplified)


def _stamp(rng: np.random.Generator, text: str, look: Style, room: int) -> Grey:
    """The ink of a line, 0..255, turned; letters that do not fit into `room` pixels are left out."""
    font = _font(rng, look)
    while len(text) > 2 and font.getbbox(text)[2] > room:
        text = text[:-1]
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    line = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(line).text((1 - left, 1 - top), text, fill=255, font=font)
    slant = float(rng.choice((-1, 1)) * rng.uniform(3, 12))
    angle = slant if look.turn == "slanted" else float(look.turn)
    turned = np.asarray(line.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC))
    return turned[:room, :room]


def _place(
    rng: np.random.Generator, pixels: Grey, stamp: Grey, taken: NDArray[np.bool_], look: Style
) -> tuple[int, int] | None:
    """The top and left of the most legible of thirty places, the first that an eye can read."""
    height, width = stamp.shape
    best, place = -1.0, None
    for _ in range(30):
        top = int(rng.integers(pixels.shape[0] - height + 1))
        left = int(rng.integers(pixels.shape[1] - width + 1))
        window = (slice(top, top + height), slice(left, left + width))
        if not taken[window].any():
            worth = _legibility(pixels[window], look)
            if worth > best:
                best, place = worth, (top, left)
            if worth >= 1:
                break
    return place


def _legibility(below: Grey, look: Style) -> float:
    """1 and more where an eye reads the whole line.

    Faint text needs a smooth ground, other text a ground that differs from it nearly everywhere.
    """
    grey = below.mean(axis=2) if below.ndim == 3 else below.astype(np.float64)
    if look.contrast == "faint":
        return SMOOTH / max(float(grey.std()), 1e-3)
    return float(np.percentile(np.abs(SHADES[look.contrast][1] - grey), 5)) / PLAIN


def _burn(pixels: Grey, stamp: Grey, place: tuple[int, int], look: Style) -> NDArray[np.bool_]:
    """Draw a line, on a plate where nobody could read it otherwise, and return its inked pixels."""
    window = (slice(place[0], place[0] + stamp.shape[0]), slice(place[1], place[1] + stamp.shape[1]))
    if _legibility(pixels[window], look) < 1:
        mean = int(pixels[window].mean())
        pixels[window] = {"white": 0, "yellow": 0, "black": 255, "faint": mean}[look.contrast]
    below = pixels[window].astype(np.float64)
    if look.contrast == "faint":
        colour = np.clip(below + (FAINT if below.mean() < 128 else -FAINT), 0, 255)
    else:
        in_colour, in_grey = SHADES[look.contrast]
        colour = np.broadcast_to(np.array(in_colour if below.ndim == 3 else in_grey), below.shape)
    cover = stamp / 255.0
    alpha = cover[..., None] if below.ndim == 3 else cover
    pixels[window] = np.rint(below * (1 - alpha) + colour * alpha).astype(np.uint8)
    ink = np.zeros(pixels.shape[:2], np.bool_)
    ink[window] = stamp >= 64
    return ink
