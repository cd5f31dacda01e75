"""A contact sheet: small looks of every series of a study, with nothing on them that names a patient."""

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from doctorsun.core.errors import RecordError
from doctorsun.imaging.choosing import choose
from doctorsun.imaging.looks import USUAL, LookConfig, fitted, look
from doctorsun.imaging.study import Series, Study

MOST_SERIES = 64
_LABEL_PX = 16
_GAP_PX = 4
_INK = (220, 220, 220)
_BROKEN = (120, 40, 40)
# Modality codes are the only words taken from a file, so they must look like one.
_CODE = re.compile(r"[A-Z]{2,16}")


def contact_sheet(
    study: Study,
    *,
    columns: int = 6,
    frames: int = 3,
    px: int = 192,
    how: LookConfig = USUAL,
    failed: list[RecordError] | None = None,
) -> NDArray[np.uint8]:
    """Up to `frames` looks of each series from first to last, `columns` in a row, uint8 [height, width, 3].

    Cells are `px` wide and high; under each stands the number of the series, modality, plane, number and
    count. A frame that cannot be read is crossed out, and the reason put into `failed`. Beyond MOST_SERIES
    series the sheet ends.
    """
    cells = [
        (number, one, index)
        for number, one in enumerate(study.series[:MOST_SERIES], start=1)
        for index in choose(len(one), "even", max(1, frames))
    ]
    wide = max(1, min(columns, len(cells)))
    step, height = px + _GAP_PX, px + _LABEL_PX + _GAP_PX
    sheet = Image.new("RGB", (wide * step, max(1, -(-len(cells) // wide)) * height))
    for place, (number, one, index) in enumerate(cells):
        corner = (place % wide * step, place // wide * height)
        error = _paste(sheet, corner, px, (one, index, how))
        if error is not None and failed is not None:
            failed.append(error)
        words = f"{number}: {label(one, index)}"
        ink = ImageDraw.Draw(sheet)
        ink.text((corner[0] + 2, corner[1] + px + 1), words, fill=_INK, font=ImageFont.load_default(size=12))
    return np.asarray(sheet)


def _paste(
    sheet: Image.Image, corner: tuple[int, int], px: int, shown: tuple[Series, int, LookConfig]
) -> RecordError | None:
    """Put one look in its cell; the reason where it cannot be made."""
    series, index, how = shown
    left, top = corner
    draw = ImageDraw.Draw(sheet)
    try:
        frame = series.frame(index)
        pixels, _ = fitted(look(frame, how), px, spacing_mm=frame.geometry.spacing_mm)
    except RecordError as error:
        draw.line((left, top, left + px, top + px), fill=_BROKEN, width=2)
        draw.line((left, top + px, left + px, top), fill=_BROKEN, width=2)
        return error
    picture = Image.fromarray(pixels)
    larger = px // max(picture.size)
    if larger > 1:
        size = (picture.width * larger, picture.height * larger)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    sheet.paste(picture, (left + (px - picture.width) // 2, top + (px - picture.height) // 2))
    return None


def label(series: Series, index: int) -> str:
    """Modality, plane, number and count of a frame: `CT axial 12/80`."""
    modality = series.facts.modality or ""
    words = [modality if _CODE.fullmatch(modality) else series.format, series.geometry.plane or ""]
    return " ".join([*filter(None, words), f"{index + 1}/{len(series)}"])
