"""What stored values mean: rescale, unit, window (DICOM PS3.3 C.11.1, C.11.2, C.8.8.3, C.8.20.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from doctorsun.imaging.dicom import kinds
from doctorsun.imaging.dicom.elements import Group
from doctorsun.imaging.dicom.places import first, number
from doctorsun.imaging.dicom.suv import NoSuv, suv_factor
from doctorsun.imaging.study import Meaning, Remark, Window

_FUNCTIONS: dict[str, Literal["linear", "linear_exact", "sigmoid"]] = {
    "LINEAR": "linear",
    "LINEAR_EXACT": "linear_exact",
    "SIGMOID": "sigmoid",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How a frame's stored values become values: `stored` x `slope` + `intercept`, both null for none."""

    slope: float | None = None
    intercept: float | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What the rescaled values of a file are, once they are multiplied by `factor`."""

    meaning: Meaning = "intensity"
    factor: float | None = None


def scale_of(groups: Sequence[Group]) -> Scale:
    """The rescale and the first window that a file (or a frame's functional groups, nearest first) tells."""
    slope = number(first(groups, "PixelValueTransformationSequence", "RescaleSlope"))
    intercept = number(first(groups, "PixelValueTransformationSequence", "RescaleIntercept"))
    if slope is None or intercept is None:
        slope = intercept = None
    return Scale(slope, intercept, _window(groups))


def unit_of(elements: Group, scale: Scale, where: str) -> tuple[Unit, tuple[Remark, ...]]:
    """The unit of a file's values, and a remark where a PET picture cannot be given as SUV."""
    sop_class = str(elements.get("SOPClassUID"))
    if sop_class == kinds.DOSE:
        return Unit("dose", number(elements.get("DoseGridScaling"))), ()
    if sop_class in kinds.SEGMENTATIONS:
        return _segmentation(elements), ()
    if elements.get("Modality") == "CT" and _is_hounsfield(elements, scale):
        return Unit("hu"), ()
    if elements.get("Modality") == "PT" and elements.get("Units"):
        return _uptake(elements, where)
    return Unit(), ()


def _is_hounsfield(elements: Group, scale: Scale) -> bool:
    """CT values are HU when they are rescaled and no other unit is named (C.8.2.1.1.2)."""
    return scale.slope is not None and elements.get("RescaleType") in {None, "", "HU", "US"}


def _segmentation(elements: Group) -> Unit:
    """Where a segment lies; a fractional one is a part of its greatest value (C.8.20.2.3)."""
    if elements.get("SegmentationType") != "FRACTIONAL":
        return Unit("label")
    most = number(elements.get("MaximumFractionalValue"))
    return Unit("intensity", 1 / most if most else None)


def _uptake(elements: Group, where: str) -> tuple[Unit, tuple[Remark, ...]]:
    try:
        return Unit("suv", suv_factor(elements)), ()
    except NoSuv as problem:
        meaning: Meaning = "bq_ml" if elements.get("Units") == "BQML" else "intensity"
        return Unit(meaning), (Remark("imaging.no_suv", where, {"lacking": problem.lacking}),)


def _window(groups: Sequence[Group]) -> Window | None:
    center = number(_one(first(groups, "FrameVOILUTSequence", "WindowCenter")))
    width = number(_one(first(groups, "FrameVOILUTSequence", "WindowWidth")))
    if center is None or width is None or width <= 0:
        return None
    function = first(groups, "FrameVOILUTSequence", "VOILUTFunction")
    return Window(center, width, _FUNCTIONS.get(str(function), "linear"))


def _one(value: object) -> object:
    """The first of several values."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value[0] if len(value) else None
    return value
