"""Frames -> the 8-bit pictures that a model or a reader sees, each with a record of what was chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from doctorsun.core.config import Config
from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Shown
from doctorsun.imaging.choosing import Policy, choose, shares
from doctorsun.imaging.study import Frame, Lut, Series, Study, Window
from doctorsun.imaging.windows import (
    CT_WINDOWS,
    SUV_WINDOW,
    THREE_WINDOWS,
    grey,
    grey_by_lut,
    percentile_window,
    span,
)

WindowName = Literal[
    "auto", "file", "percentile", "full", "suv", "three", "lung", "bone", "brain", "abdomen", "mediastinum"
]
# A CT without a window of its own is shown as soft tissue.
_CT_DEFAULT = "abdomen"
_SAMPLES = 2**16
_SQUARE = 0.01


class LookConfig(Config):
    """How frames become pictures, and how many.

    `window`: `auto` is the file's own VOI LUT or window, else by the meaning of the values (HU: soft tissue,
    SUV: 0..10, labels: full range, anything else: percentiles); `file` insists on the file's own; `three` is
    MedGemma's three CT windows as red, green and blue. A window for other units than the frame's (a CT
    window on MR) counts as `auto`; colour is shown as it is whatever the window. Tiles of
    a slide are sorted by merit, so every policy but `all` takes the first of them.
    """

    window: WindowName = "auto"
    policy: Policy = "even"
    max_pictures: int = Field(default=16, ge=1)
    max_px: int = Field(default=896, ge=16)


USUAL = LookConfig()


@dataclass(frozen=True, slots=True)
class Tone:
    """How values became grey: one window, three for red, green and blue, a table, or none for colour."""

    name: str
    windows: tuple[Window, ...] = ()
    lut: Lut | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One picture as it is sent, and where it came from.

    `pixels` are uint8 [height, width, 3]; `index` of `count` frames of the series, from 0; `share` is the
    part of the frame's area in pixels that is sent, 0..1; `unit` is that of the tone's values.
    """

    pixels: NDArray[np.uint8]
    series: str
    index: int
    count: int
    tone: Tone
    unit: str
    share: float
    tiles: bool = False


def pictures_of(
    subject: Study | Series,
    *,
    look: LookConfig = USUAL,
    max_pictures: int | None = None,
    max_px: int | None = None,
) -> list[Sent]:
    """The pictures of a study or a series, at most `max_pictures` in all, with longer sides up to `max_px`.

    Each series of a study gives at least one as long as there is room. Pixels become square where their
    spacing is not. RecordError where a frame cannot be read or has no window that was insisted on.
    """
    changes = {"max_pictures": max_pictures, "max_px": max_px}
    how = look.model_copy(update={key: value for key, value in changes.items() if value is not None})
    series = subject.series if isinstance(subject, Study) else (subject,)
    most = shares([len(one) for one in series], how.max_pictures)
    return [sent for one, number in zip(series, most, strict=True) for sent in _of_series(one, how, number)]


def names_of(pictures: Sequence[Sent]) -> tuple[Shown, ...]:
    """Which slice of which series each picture is; none where no picture is one of several slices.

    Tiles of a slide are no slices. Series are numbered where several give slices.
    """
    sliced = list(dict.fromkeys(sent.series for sent in pictures if _is_slice(sent)))
    if not sliced:
        return ()
    several = len(sliced) > 1
    return tuple(
        Shown(
            series=sliced.index(sent.series) + 1 if several else None,
            slice=sent.index + 1,
            count=sent.count,
        )
        if _is_slice(sent)
        else Shown()
        for sent in pictures
    )


def _is_slice(sent: Sent) -> bool:
    return sent.count > 1 and not sent.tiles


def look(frame: Frame, how: LookConfig = USUAL, *, scaling: Window | None = None) -> NDArray[np.uint8]:
    """A frame as uint8 [rows, columns, 3] at its own size; `scaling` replaces percentiles of this frame."""
    return render(frame, tone_of(frame, how.window, scaling=scaling))


def tone_of(frame: Frame, name: WindowName, *, scaling: Window | None = None, where: str = "") -> Tone:
    """The tone that a window's name means for a frame; RecordError where the file has no window."""
    if frame.meaning == "rgb":
        return Tone("colour")
    kind = _kind(frame, name)
    if kind == "lut":
        return Tone(kind, lut=frame.lut)
    if kind == "file":
        if frame.window is None:
            raise RecordError("imaging.no_window", where=where)
        return Tone(kind, (frame.window,))
    return Tone(kind, _windows(frame, kind, scaling))


def render(frame: Frame, tone: Tone) -> NDArray[np.uint8]:
    """A frame in a tone, uint8 [rows, columns, 3]; MONOCHROME1 is turned, so that bone is white."""
    if frame.meaning == "rgb":
        return np.asarray(frame.pixels, np.uint8)
    values = np.asarray(frame.pixels, np.float32)
    if tone.lut is not None:
        levels = [grey_by_lut(values, tone.lut)]
    else:
        levels = [grey(values, window) for window in tone.windows]
    if frame.inverted:
        levels = [1 - level for level in levels]
    channels = [np.rint(level * 255).astype(np.uint8) for level in levels]
    return np.stack(channels if len(channels) == 3 else channels * 3, axis=-1)


def fitted(
    pixels: NDArray[np.uint8],
    max_px: int,
    *,
    spacing_mm: tuple[float, float] | None = None,
    smooth: bool = True,
) -> tuple[NDArray[np.uint8], float]:
    """A picture with square pixels whose longer side is at most `max_px`, and the share of its area."""
    rows, columns = float(pixels.shape[0]), float(pixels.shape[1])
    if spacing_mm and abs(spacing_mm[0] - spacing_mm[1]) > _SQUARE * max(spacing_mm):
        rows, columns = (
            rows * spacing_mm[0] / min(spacing_mm),
            columns * spacing_mm[1] / min(spacing_mm),
        )
    scale = min(1.0, max_px / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    share = min(1.0, size[0] * size[1] / (rows * columns))
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels, share
    kind = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size, kind)), share


def _of_series(series: Series, how: LookConfig, most: int) -> Iterator[Sent]:
    tiles = series.format == "slide"
    chosen = choose(len(series), "first" if tiles and how.policy != "all" else how.policy, most)
    if not most:
        return
    scaling = _scaling(series, chosen, how.window)
    for index in chosen:
        frame = series.frame(index)
        tone = tone_of(frame, how.window, scaling=scaling, where=series.name)
        pixels, share = fitted(
            render(frame, tone),
            how.max_px,
            spacing_mm=frame.geometry.spacing_mm,
            smooth=frame.meaning != "label",
        )
        unit = {"hu": "HU", "suv": "SUV"}.get(frame.meaning, "")
        yield Sent(pixels, series.name, index, len(series), tone, unit, share, tiles)


def _scaling(series: Series, chosen: Sequence[int], name: WindowName) -> Window | None:
    """The percentiles of all chosen frames together, where that is how they are shown."""
    if len(chosen) < 2:
        return None
    samples: list[NDArray[np.float32]] = []
    for index in chosen:
        frame = series.frame(index)
        if frame.meaning == "rgb" or _kind(frame, name) != "percentile":
            return None
        values = np.asarray(frame.pixels, np.float32).ravel()
        samples.append(values[:: values.size // _SAMPLES + 1].copy())
    return percentile_window(samples)


def _foreign(frame: Frame, name: WindowName) -> bool:
    """Whether a window of other units is asked for: a CT window on MR would be white all over."""
    wanted = "hu" if name in CT_WINDOWS or name == "three" else "suv" if name == "suv" else frame.meaning
    return frame.meaning != wanted


def _kind(frame: Frame, name: WindowName) -> str:
    """The name of the tone that is meant: the file's own, else one by the meaning of the values."""
    if _foreign(frame, name):
        name = "auto"
    if name in {"auto", "file"} and frame.lut is not None:
        return "lut"
    if name != "auto":
        return name
    if frame.window is not None:
        return "file"
    named = {"hu": _CT_DEFAULT, "suv": "suv", "label": "full", "dose": "full"}
    return named.get(frame.meaning, "percentile")


def _windows(frame: Frame, kind: str, scaling: Window | None) -> tuple[Window, ...]:
    if kind == "three":
        return THREE_WINDOWS
    if kind in CT_WINDOWS:
        return (CT_WINDOWS[kind],)
    if kind == "suv":
        return (SUV_WINDOW,)
    if kind == "full":
        return (_full(frame),)
    return (scaling or percentile_window([np.asarray(frame.pixels, np.float32)]),)


def _full(frame: Frame) -> Window:
    finite = frame.pixels[np.isfinite(frame.pixels)]
    if not finite.size:
        return span(0, 1)
    low, high = float(finite.min()), float(finite.max())
    return span(low, high) if high > low else span(min(low, 0.0), max(high, 1.0))
