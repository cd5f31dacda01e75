"""Which kinds of objects may leave, and which wait for a person."""

from typing import Literal

from pydicom.dataset import Dataset
from pydicom.uid import UID

from doctorsun.privacy.dicom.policy import DicomPolicy

Kind = Literal["slices", "projections", "pictures", "structured", "documents", "unknown"]

# Cross-sections and the like: the machine writes its texts into the header, not into the samples.
_SLICES = frozenset({"CT", "MR", "PT", "NM", "SEG", "OPT"})
_PROJECTIONS = frozenset({"CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG", "SM"})
_STRUCTURED = frozenset(
    {"SR", "PR", "KO", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RTIMAGE", "FID", "ECG", "EPS"}
    | {"HD", "AU", "SRF", "OPM", "OPV", "RWV", "PLAN", "TEXTUREMAP", "IVOCT", "M3D", "STAIN", "ANN", "HC"}
)
_DOCUMENTS = frozenset({"DOC"})
SAMPLES = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SC_ROOT = "1.2.840.10008.5.1.4.1.1.7"
_ENCAPSULATED_ROOT = "1.2.840.10008.5.1.4.1.1.104."
_WAVEFORM_ROOT = "1.2.840.10008.5.1.4.1.1.9."
_RT_ROOT = "1.2.840.10008.5.1.4.1.1.481."
_STATE_ROOT = "1.2.840.10008.5.1.4.1.1.11."
_SR_ROOT = "1.2.840.10008.5.1.4.1.1.88."
_SCREENS = frozenset({"SCREEN SAVE", "SECONDARY CAPTURE", "LABEL", "OVERVIEW"})
_OVERLAYS = range(0x6000, 0x6020)
_BIT_POSITION = 0x0102
_SAMPLED = 10
_BYTE = 8
_FACE = frozenset({"HEAD", "BRAIN", "HEADNECK", "FACE", "SKULL", "ORBIT", "SINUS", "JAW", "NECK"})


def kind_of(dataset: Dataset) -> Kind:
    """The kind of an object by its SOP Class first, then by its modality."""
    uid = str(dataset.get("SOPClassUID", "") or "")
    modality = str(dataset.get("Modality", "") or "").strip().upper()
    if uid.startswith(_ENCAPSULATED_ROOT) or "EncapsulatedDocument" in dataset or modality in _DOCUMENTS:
        return "documents"
    roots = (_WAVEFORM_ROOT, _RT_ROOT, _STATE_ROOT, _SR_ROOT)
    if uid.startswith(roots) or modality in _STRUCTURED or "ContentSequence" in dataset:
        return "structured"
    if not any(keyword in dataset for keyword in SAMPLES):
        return "unknown"
    if uid.startswith(_SC_ROOT) or _captured(dataset) or _rendered(dataset, modality):
        return "pictures"
    if not UID(uid).is_private and UID(uid).name != uid:
        return "slices" if modality in _SLICES else "projections" if modality in _PROJECTIONS else "pictures"
    return "unknown"


def wants_pixel_check(dataset: Dataset, kind: Kind, policy: DicomPolicy, *, lot: int) -> bool:
    """Whether the samples are searched for text; `lot` decides which slices are looked at."""
    if policy.pixels == "none" or kind not in {"slices", "projections", "pictures"}:
        return False
    if kind != "slices" or policy.pixels == "all":
        return True
    return says_burned(dataset) or (policy.pixels == "sample" and lot % _SAMPLED == 0)


def says_burned(dataset: Dataset) -> bool:
    """Whether the header itself says that a text is burned in."""
    return str(dataset.get("BurnedInAnnotation", "") or "").strip().upper() == "YES"


def has_hidden_overlay(dataset: Dataset) -> bool:
    """Whether an overlay lies in unused bits of the samples (retired, PS3.3 C.9.2), where none can see it."""
    planes = [element for element in dataset if element.tag.group in _OVERLAYS]
    return any(element.tag.element == _BIT_POSITION and element.value for element in planes)


def shows_face(dataset: Dataset) -> bool:
    """Whether a volume of these slices may show a face (113102 is not applied)."""
    part = str(dataset.get("BodyPartExamined", "") or "").strip().upper()
    return str(dataset.get("Modality", "")) in {"CT", "MR", "PT"} and part in _FACE


def _rendered(dataset: Dataset, modality: str) -> bool:
    """Whether a CT, MR or the like is in colour or in secondary 8 bits: a rendering or a sheet, no slice."""
    if modality not in _SLICES:
        return False
    kinds = [str(one).upper() for one in _listed(dataset.get("ImageType"))]
    coloured = dataset.get("SamplesPerPixel", 1) != 1
    return bool(coloured or ("SECONDARY" in kinds and dataset.get("BitsAllocated", 16) == _BYTE))


def _captured(dataset: Dataset) -> bool:
    """Whether a picture is a copy of a screen, whatever its modality says (dose sheets come as CT)."""
    kinds = [str(one).upper() for one in _listed(dataset.get("ImageType"))]
    conversion = str(dataset.get("ConversionType", "") or "")
    return bool(conversion) or not _SCREENS.isdisjoint(kinds)


def _listed(value: object) -> list[object]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
