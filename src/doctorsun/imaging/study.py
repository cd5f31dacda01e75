"""What a study holds once it is read: series of frames, each with its pixels, its geometry and its facts.

Frames are read one at a time, when they are asked for, so a study of any size takes the memory of one frame.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.schema import Laterality

Pixels = NDArray[np.float32] | NDArray[np.uint8]
Meaning = Literal["hu", "suv", "bq_ml", "optical_density", "intensity", "rgb", "label", "dose"]
Plane = Literal["axial", "coronal", "sagittal", "oblique"]
Format = Literal["picture", "dicom", "nifti", "slide"]


@dataclass(frozen=True, slots=True)
class StudyLimits:
    """What the files of a study may cost; a file beyond is refused, never decoded.

    `max_pixels` is for one frame, `max_bytes` for one file that is read whole, `max_total_bytes` for all that
    an archive unpacks to, `max_elements` for the top level of a DICOM file.
    """

    max_bytes: int = 2 * 2**30
    max_total_bytes: int = 8 * 2**30
    max_files: int = 200_000
    max_pixels: int = 128 * 10**6
    max_frames: int = 100_000
    max_depth: int = 32
    max_elements: int = 50_000


USUAL_LIMITS = StudyLimits()


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the pixels lie; what the file does not tell is null.

    `affine_lps` [4, 4] takes (column, row, slice, 1) to mm in the patient's left, posterior, superior frame
    (DICOM PS3.3 C.7.6.2.1.1, with a third axis along the slices). `spacing_mm` is (between rows, between
    columns).
    """

    spacing_mm: tuple[float, float] | None = None
    slice_spacing_mm: float | None = None
    thickness_mm: float | None = None
    plane: Plane | None = None
    affine_lps: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A range of values as the standard writes it: centre and width (DICOM PS3.3 C.11.2.1.2)."""

    center: float
    width: float
    function: Literal["linear", "linear_exact", "sigmoid"] = "linear"

    @property
    def low(self) -> float:
        """The value shown black."""
        return self.center - self.width / 2

    @property
    def high(self) -> float:
        """The value shown white."""
        return self.center + self.width / 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a series without a look at its pixels; codes are DICOM's, unknown is null.

    `modality` is a code of PS3.3 C.7.3.1.1.1 (CT, MR, DX, MG, US, PT, SM, SC, ...), `view` a short text such
    as PA, AP, LATERAL, CC, MLO.
    """

    modality: str | None = None
    body_part: str | None = None
    laterality: Laterality | None = None
    view: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a series.

    `pixels` are float32 [rows, columns] in the units that `meaning` names, or uint8 [rows, columns, 3] where
    it is "rgb". `window` is the file's own first one. `inverted` is true where low values are shown white
    (MONOCHROME1). `regions` are boxes (left, top, right, bottom) in pixels that hold picture, not screen
    (ultrasound, PS3.3 C.8.5.5); right and bottom are one past the last pixel. `lut` holds the grey levels of
    a VOI LUT (C.11.2.1.1): values from its first one on, each 0..1. Values from `padding`'s first to its
    second lie outside the picture (C.7.5.1.1.2).
    """

    pixels: Pixels
    meaning: Meaning
    geometry: Geometry = Geometry()
    window: Window | None = None
    inverted: bool = False
    regions: tuple[tuple[int, int, int, int], ...] = ()
    lut: "Lut | None" = None
    padding: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Lut:
    """A table of grey levels, 0..1, for the values `first`, `first` + 1, ...; outside, the nearest end."""

    first: float
    levels: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a series or a file that a reader must know: `key` is a line of `text/`.

    `where` is a path inside the study, `values` are put into the line and hold no patient's data.
    """

    key: str
    where: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """Frames that belong together, in the order of their geometry (else of their numbers, else names).

    `read` brings frame number `index`; `sources` names the file of each frame inside the study; `shape` is
    (rows, columns) of the first frame.
    """

    name: str
    format: Format
    facts: Facts
    geometry: Geometry
    shape: tuple[int, int]
    sources: tuple[str, ...]
    read: Callable[[int], Frame]
    remarks: tuple[Remark, ...] = ()

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.sources)

    def frame(self, index: int) -> Frame:
        """Frame number `index`, decoded now; RecordError when its pixels cannot be read."""
        return self.read(index)

    def frames(self) -> Iterator[Frame]:
        """Every frame in order, one in memory at a time."""
        for index in range(len(self)):
            yield self.read(index)

    def voxels(self) -> NDArray[np.float32]:
        """All frames as one float32 volume [slices, rows, columns]; ValueError where they are in colour."""
        first = self.read(0)
        if first.pixels.ndim != 2:
            raise ValueError("a series in colour is no volume")
        volume = np.empty((len(self), *first.pixels.shape), np.float32)
        volume[0] = first.pixels
        for index in range(1, len(self)):
            volume[index] = self.read(index).pixels
        return volume


@dataclass(frozen=True, slots=True)
class Study:
    """All series found at a path, and every file that was refused, with the reason."""

    series: tuple[Series, ...]
    refused: tuple[Remark, ...] = ()
