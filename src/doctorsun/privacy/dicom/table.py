"""What the standard says of each element (PS3.15 Table E.1-1), and what we add for elements it leaves out."""

import re
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydicom.datadict import dictionary_VR, keyword_for_tag

from doctorsun.core.errors import MissingExtra

Action = Literal["D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR"]
ACTIONS: tuple[Action, ...] = ("D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR")

TEXT_VRS = frozenset({"SH", "LO", "ST", "LT", "UC", "UT", "UR", "AE"})
DATE_VRS = frozenset({"DA", "DT", "TM"})
BULK_VRS = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})

# Identifiers that become pseudonyms, so that what belongs together stays together.
IDS = frozenset(
    {
        "AccessionNumber",
        "StudyID",
        "PlacerOrderNumberImagingServiceRequest",
        "FillerOrderNumberImagingServiceRequest",
        "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
        "ContainerIdentifier",
        "SpecimenIdentifier",
    }
)
# UIDs of the standard itself (kinds of objects, encodings, coding schemes) and of HL7's registry of codes.
# Numbers of the standards are short; a long one under their roots was made by somebody for something.
_PUBLIC_UID = re.compile(
    r"1\.2\.840\.10008(?:\.\d{1,4}){1,8}|2\.16\.840\.1\.113883\.6\.\d{1,4}(?:\.\d{1,3})?"
)
# Retired results, signatures, media directories, print and command groups; all of them go.
GROUPS_OUT = frozenset({0x0000, 0x0002, 0x0004, 0x0400, 0x4000, 0x4008})
_LAST_GROUP = 0x7FE0
_PRINT = range(0x2000, 0x2300)
_CURVES = range(0x5000, 0x5100)
_OVERLAYS = range(0x6000, 0x6100)


@cache
def listed(name: str) -> frozenset[str]:
    """The keywords of one list of `elements.yaml`."""
    return frozenset(_lists()[name].split())


def is_public_uid(uid: str) -> bool:
    """Whether a UID names a kind of thing that everybody uses, not a thing."""
    return _PUBLIC_UID.fullmatch(uid) is not None


def action_of(tag: int) -> Action | None:
    """The action of the table for an element; null where it does not list it."""
    return _table().get(tag)


def keyword_of(tag: int) -> str:
    """The element's keyword in the data dictionary; "" for what no dictionary knows."""
    found: str = keyword_for_tag(tag)
    return found


def standard_vr(tag: int) -> str:
    """The VR of the data dictionary; "" for what no dictionary knows."""
    try:
        found: str = dictionary_VR(tag)
    except KeyError:
        return ""
    return found


def group_out(group: int) -> str:
    """Why every element of a group goes: a word for the count, or "" when the group may stay."""
    if group % 2:
        return "private"
    if group in _CURVES:
        return "curve"
    if group in _OVERLAYS:
        return "overlay"
    return "group" if group in GROUPS_OUT or group in _PRINT or group > _LAST_GROUP else ""


@cache
def _lists() -> dict[str, str]:
    text = resources.files("doctorsun.privacy.dicom").joinpath("elements.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found


@cache
def _table() -> dict[int, Action]:
    try:
        from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as fields
    except ImportError:
        raise MissingExtra("PS3.15", "privacy") from None
    found: dict[int, Action] = {}
    for action in ACTIONS:
        for place in getattr(fields, f"{action}_TAGS"):
            # Four numbers are a range of groups (curves, overlays); those go whole, see `group_out`.
            if len(place) == 2:
                found[place[0] << 16 | place[1]] = action
    return found
