"""Values -> grey levels 0..1: the standard's windows and tables, and the usual windows by name.

The three functions are those of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3, table C.11-2b.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from doctorsun.imaging.study import Lut, Window

# Centre and width in HU, as they stand on most consoles.
CT_WINDOWS: Mapping[str, Window] = MappingProxyType(
    {
        "lung": Window(-600, 1500),
        "bone": Window(300, 1500),
        "brain": Window(40, 80),
        "abdomen": Window(40, 400),
        "mediastinum": Window(40, 350),
    }
)
# Air to bone, soft tissue, brain: -1024..1024, -135..215 and 0..80 HU as red, green and blue. MedGemma 1.5
# was trained on CT shown so (google-health/medgemma, notebooks/high_dimensional_ct_hugging_face.ipynb).
THREE_WINDOWS: tuple[Window, Window, Window] = (
    Window(0, 2048, "linear_exact"),
    Window(40, 350, "linear_exact"),
    Window(40, 80, "linear_exact"),
)
SUV_WINDOW = Window(5, 10, "linear_exact")
PERCENTILES = (1.0, 99.0)
_SAMPLE = 2**20


def grey(values: NDArray[np.floating], window: Window) -> NDArray[np.float32]:
    """The grey levels 0..1 of values seen through a window; what is no number is black."""
    center, width = np.float32(window.center), np.float32(window.width)
    x = values.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        if window.function == "sigmoid":
            levels = 1 / (1 + np.exp(-4 * (x - center) / width))
        elif window.function == "linear" and width <= 1:
            levels = np.where(x > center - np.float32(0.5), np.float32(1), np.float32(0))
        elif window.function == "linear":
            levels = (x - (center - np.float32(0.5))) / (width - 1) + np.float32(0.5)
        else:
            levels = (x - center) / max(width, np.float32(1e-30)) + np.float32(0.5)
    clipped: NDArray[np.float32] = np.clip(np.nan_to_num(levels, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    return clipped.astype(np.float32, copy=False)


def grey_by_lut(values: NDArray[np.floating], lut: Lut) -> NDArray[np.float32]:
    """The grey levels 0..1 of values looked up in a VOI LUT; beyond it, its nearest end (C.11.2.1.1)."""
    steps = np.nan_to_num(np.rint(values - lut.first), nan=0.0)
    levels: NDArray[np.float32] = lut.levels[np.clip(steps, 0, len(lut.levels) - 1).astype(np.intp)]
    return levels


def percentile_window(
    pictures: Sequence[NDArray[np.floating]], *, low: float = PERCENTILES[0], high: float = PERCENTILES[1]
) -> Window:
    """The window between two percentiles of all finite values other than 0, which is mostly air around.

    MR has no unit, so its pictures are scaled so; one window serves all pictures of a series, so that they
    stay comparable. Of many values an even sample is taken.
    """
    step = max(1, sum(picture.size for picture in pictures) // _SAMPLE)
    values = np.concatenate([picture.ravel()[::step] for picture in pictures])
    values = values[np.isfinite(values)]
    inside = values[values != 0]
    if not inside.size:
        return Window(0.5, 1, "linear_exact")
    bottom, top = (float(value) for value in np.percentile(inside, (low, high)))
    if top <= bottom:
        bottom, top = min(0.0, bottom), max(0.0, top)
    return span(bottom, top)


def span(low: float, high: float) -> Window:
    """The window that shows `low` black and `high` white."""
    return Window((low + high) / 2, high - low, "linear_exact")
