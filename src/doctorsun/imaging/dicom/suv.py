"""From activity to standardised uptake value: body weight over what is left of the injected dose.

The steps are those of QIBA's SUV calculation for DICOM (wiki "Standardized Uptake Value"), for body weight.
"""

from datetime import datetime, timedelta
from math import exp, log

from pydicom.valuerep import DA, DT, TM

from doctorsun.imaging.dicom.elements import Group
from doctorsun.imaging.dicom.places import number

_GRAMS = 1000.0
_PHILIPS = "Philips PET Private Group"


class NoSuv(ValueError):
    """The file does not hold what an SUV needs; `lacking` names the element."""

    def __init__(self, lacking: str) -> None:
        super().__init__(lacking)
        self.lacking = lacking


def suv_factor(elements: Group) -> float:
    """What a rescaled value of a PET picture is multiplied by to become an SUV (g/ml); NoSuv says why not."""
    units = elements.get("Units")
    if units == "GML":
        if elements.get("SUVType") not in {None, "", "BW"}:
            raise NoSuv("SUVType")
        return 1.0
    if units == "CNTS":
        factor = _philips(elements, "PhilipsToSuv")
        if factor:
            return factor
        counts = _philips(elements, "PhilipsToBqMl")
        if not counts:
            raise NoSuv("Units")
        return counts * _weight_over_dose(elements)
    if units != "BQML":
        raise NoSuv("Units")
    return _weight_over_dose(elements)


def _weight_over_dose(elements: Group) -> float:
    corrected = elements.get("CorrectedImage") or ()
    if not {"ATTN", "DECY"} <= set([corrected] if isinstance(corrected, str) else corrected):
        raise NoSuv("CorrectedImage")
    weight = _positive(elements.get("PatientWeight"), "PatientWeight")
    tracer = (elements.get("RadiopharmaceuticalInformationSequence") or [None])[0]
    if tracer is None:
        raise NoSuv("RadiopharmaceuticalInformationSequence")
    dose = _positive(tracer.get("RadionuclideTotalDose"), "RadionuclideTotalDose")
    return weight * _GRAMS / (dose * _left(elements, tracer))


def _left(elements: Group, tracer: Group) -> float:
    """The part of the dose that is left at the moment which the pixels are corrected to (C.8.9.1.1.2)."""
    correction = elements.get("DecayCorrection")
    if correction == "ADMIN":
        return 1.0
    if correction != "START":
        raise NoSuv("DecayCorrection")
    half_life_s = _positive(tracer.get("RadionuclideHalfLife"), "RadionuclideHalfLife")
    start = _start(elements, half_life_s)
    waited = (start - _injected(tracer, start)).total_seconds()
    if waited < 0:
        raise NoSuv("RadiopharmaceuticalStartTime")
    return exp(-log(2) * waited / half_life_s)


def _start(elements: Group, half_life_s: float) -> datetime:
    """The start of the scan: the series' time, unless the series was made after the pictures were taken."""
    series = _moment(elements, "SeriesDate", "SeriesTime")
    taken = _moment(elements, "AcquisitionDate", "AcquisitionTime")
    if series is not None and (taken is None or series <= taken):
        return series
    if taken is None:
        raise NoSuv("SeriesTime")
    # A frame's reference time is the mean of its decay, so later than its own start (C.8.9.4.1.5).
    after_ms = number(elements.get("FrameReferenceTime"))
    long_ms = number(elements.get("ActualFrameDuration"))
    if after_ms is None or not long_ms:
        return taken
    rate = log(2) / half_life_s
    decayed = rate * long_ms / 1000
    mean_s = log(decayed / (1 - exp(-decayed))) / rate
    return taken + timedelta(seconds=mean_s - after_ms / 1000)


def _injected(tracer: Group, start: datetime) -> datetime:
    told = tracer.get("RadiopharmaceuticalStartDateTime")
    if told:
        return DT(str(told)).replace(tzinfo=None)  # type: ignore[no-any-return]
    time = tracer.get("RadiopharmaceuticalStartTime")
    if not time:
        raise NoSuv("RadiopharmaceuticalStartTime")
    injected = datetime.combine(start.date(), TM(str(time)))
    # A scan past midnight of a dose given before it.
    return injected if injected <= start else injected - timedelta(days=1)


def _moment(elements: Group, date: str, time: str) -> datetime | None:
    day, clock = elements.get(date), elements.get(time)
    if not day or not clock:
        return None
    try:
        return datetime.combine(DA(str(day)), TM(str(clock)))
    except (TypeError, ValueError):
        return None


def _philips(elements: Group, keyword: str) -> float | None:
    """A factor that Philips writes for its stored counts, in a private block of its own."""
    return number(elements.get(keyword)) if elements.get("PhilipsCreator") == _PHILIPS else None


def _positive(value: object, keyword: str) -> float:
    found = number(value)
    if found is None or found <= 0:
        raise NoSuv(keyword)
    return found
