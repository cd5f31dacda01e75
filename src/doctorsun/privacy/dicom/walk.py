"""A new data set from an old one, element by element: what no rule lets through is not there.

The source is only read. Order of the rules: groups that go whole, the policy's own exceptions, then by VR;
the action table (PS3.15 Table E.1-1) decides on what the VR alone does not.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items

from doctorsun.privacy.dicom.dates import shifted
from doctorsun.privacy.dicom.identity import Identity, identity_of
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.table import (
    BULK_VRS,
    DATE_VRS,
    IDS,
    TEXT_VRS,
    Action,
    action_of,
    group_out,
    is_public_uid,
    keyword_of,
    listed,
)
from doctorsun.privacy.key import Key
from doctorsun.privacy.residual import Residual

DUMMY = "REMOVED"
_DUMMIES = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "050Y", "DS": "0", "IS": "0"}
_OLDEST = 90
_DAYS_IN = {"Y": 365.25, "M": 30.44, "W": 7.0, "D": 1.0}
_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d*(?:[eE][-+]?\d+)?\s*")
_CODE = re.compile(r"[A-Z0-9 _]{0,16}")
_PATIENT_GROUP = 0x0010
_REFERENCES = {"ReferencedPerformedProcedureStepSequence", "ReferencedStudySequence"}
_WRITTEN_ANEW = {
    "SpecificCharacterSet",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "BurnedInAnnotation",
}


@dataclass(slots=True)
class Walk:
    """De-identifies one data set. `clean` takes identifying parts out of a text; `counts` grows by action."""

    key: Key
    policy: DicomPolicy
    identity: Identity
    known: Residual
    clean: Callable[[str], str]
    counts: Counter[str] = field(default_factory=Counter)
    dates_written: set[str] = field(default_factory=set)

    def run(self, dataset: Dataset) -> Dataset:
        """The new data set."""
        return self._level(dataset, self.identity)

    def _level(self, dataset: Dataset, identity: Identity) -> Dataset:
        if "PatientID" in dataset:
            identity = identity_of(dataset, self.key)
        made = Dataset()
        for element in dataset:
            tag = int(element.tag)
            place = _Place(tag, element.VR, element.value, keyword_of(tag), identity)
            kept = self._private(dataset, place) if place.group % 2 else self._element(place)
            if kept is not None:
                made.add(kept)
        return made

    def _element(self, place: "_Place") -> DataElement | None:
        """The new element; null where it goes."""
        out = group_out(place.group)
        if not out and not place.keyword:
            out = "unknown"
        if out:
            return self._gone(out)
        if place.keyword in _WRITTEN_ANEW:
            return None
        if place.keyword in listed("also_out"):
            return self._gone("removed")
        if place.group == _PATIENT_GROUP:
            return self._patient(place)
        if self._kept_by_option(place.keyword):
            return self._count("kept_by_option", place, place.value)
        return self._by_vr(place)

    def _by_vr(self, place: "_Place") -> DataElement | None:
        if place.keyword in IDS and place.vr in TEXT_VRS:
            return self._id(place)
        deciders = (
            ({"SQ"}, self._sequence),
            ({"UI"}, self._uids),
            ({"PN"}, self._person),
            (DATE_VRS, self._date),
            (BULK_VRS, self._bulk),
            (TEXT_VRS, self._text),
        )
        for vrs, decide in deciders:
            if place.vr in vrs:
                return decide(place)
        action = action_of(place.tag)
        return self._plain(place) if action is None else self._without_value(place, action)

    def _patient(self, place: "_Place") -> DataElement | None:
        """Group 0010: the pseudonym, the characteristics that the policy keeps, and nothing else."""
        if place.keyword in {"PatientID", "PatientName"}:
            return self._count("pseudonym", place, place.identity.pseudonym)
        if place.keyword == "PatientBirthDate":
            return self._count("emptied", place, "")
        if place.keyword == "LastMenstrualDate" and self.policy.dates == "shifted":
            return self._date(place)
        if place.keyword in listed("patient_characteristics") and self.policy.patient_characteristics:
            return self._age(place) if place.vr == "AS" else self._plain(place)
        return self._count("emptied", place, "") if place.keyword == "PatientSex" else self._gone("removed")

    def _age(self, place: "_Place") -> DataElement | None:
        found = re.fullmatch(r"(\d{3})([YMWD])", str(place.value or "").strip())
        if found is None:
            return self._gone("removed")
        years = int(found[1]) * _DAYS_IN[found[2]] / _DAYS_IN["Y"]
        capped = f"{_OLDEST:03d}Y" if years >= _OLDEST else found[0]
        return self._count("age_capped" if capped != found[0] else "kept", place, capped)

    def _kept_by_option(self, keyword: str) -> bool:
        return (self.policy.device_identity and keyword in listed("device_identity")) or (
            self.policy.institution and keyword in listed("institution")
        )

    def _sequence(self, place: "_Place") -> DataElement | None:
        action = action_of(place.tag)
        if place.keyword == "ContentSequence" and not self.policy.clean_structured:
            return self._gone("removed")
        whole = action in {None, "D", "Z_D", "X_Z_U_STAR"} or place.keyword in _REFERENCES
        if not whole and not (self.policy.clean_structured and action == "X_Z"):
            return self._count("emptied", place, Items()) if action in {"Z", "X_Z"} else self._gone("removed")
        items = [self._level(item, place.identity) for item in place.value or ()]
        return self._count("sequence", place, Items(items))

    def _uids(self, place: "_Place") -> DataElement | None:
        made = [uid if is_public_uid(uid) else self.key.uid(uid) for uid in place.texts()]
        return self._count("kept" if made == place.texts() else "uid", place, made)

    def _date(self, place: "_Place") -> DataElement | None:
        action = action_of(place.tag)
        if self.policy.dates == "removed":
            return self._without_value(place, action or "Z")
        moved = [shifted(place.vr, text, self.identity.shift_days) for text in place.texts()]
        if None in moved:
            self.counts["date_impossible"] += 1
            return self._count("emptied", place, "")
        dates = [one for one in moved if one is not None]
        self.dates_written |= {one[:8] for one in dates if place.vr != "TM"}
        return self._count("time_kept" if place.vr == "TM" else "date_shifted", place, dates)

    def _bulk(self, place: "_Place") -> DataElement | None:
        if place.keyword in listed("bulk") and action_of(place.tag) is None:
            return self._count("kept", place, place.value)
        return self._gone("bulk")

    def _id(self, place: "_Place") -> DataElement | None:
        made = [self.key.number(text) for text in place.texts() if text]
        return self._count("pseudonym", place, made) if made else self._without_value(place, "Z")

    def _person(self, place: "_Place") -> DataElement | None:
        return self._without_value(place, action_of(place.tag) or "X")

    def _text(self, place: "_Place") -> DataElement | None:
        action = action_of(place.tag)
        if place.keyword in listed("descriptors") and self.policy.clean_descriptors:
            return self._cleaned(place)
        if action is not None:
            return self._without_value(place, action)
        if place.vr in {"UR", "AE"}:
            return self._gone("removed")
        return self._plain(place) if place.keyword in listed("technical") else self._cleaned(place)

    def _cleaned(self, place: "_Place") -> DataElement | None:
        """Texts without their identifying parts; one in which a known value is left is emptied."""
        texts = place.texts()
        made = [self.clean(text) for text in texts]
        made = ["" if self.known.in_text(text) else text for text in made]
        return self._count("kept" if made == texts else "cleaned", place, made)

    def _plain(self, place: "_Place") -> DataElement | None:
        """Codes, numbers and technical words as they are, unless they are malformed or hold a known value."""
        if place.vr in {"CS", "DS", "IS", "AS"} or place.vr in TEXT_VRS:
            texts = place.texts()
            shape = {"DS": _NUMBER, "IS": _NUMBER, "CS": _CODE}.get(place.vr)
            for text in texts:
                number = shape is _NUMBER
                if (shape and not shape.fullmatch(text)) or (not number and self.known.in_text(text)):
                    return self._count("held_known", place, "")
        return self._count("kept", place, place.value)

    def _without_value(self, place: "_Place", action: Action) -> DataElement | None:
        """Removed, emptied, or a valid dummy, as the table says; in doubt what keeps a file valid."""
        if action in {"Z", "X_Z", "X_Z_D", "Z_D"} and place.keyword != "DeviceSerialNumber":
            return self._count("emptied", place, "")
        dummy = DUMMY if place.vr == "PN" or place.vr in TEXT_VRS else _DUMMIES.get(place.vr)
        return self._gone("removed") if action == "X" or dummy is None else self._count("dummy", place, dummy)

    def _private(self, dataset: Dataset, place: "_Place") -> DataElement | None:
        """Private elements go, unless the policy lists them; also then no names, prose or bytes stay."""
        element = place.tag & 0xFFFF
        block = element if element < 0x100 else element >> 8
        creator = str(dataset.get((place.group, block)).value if (place.group, block) in dataset else "")
        own = self.policy.private_elements(creator.strip(), place.group)
        if element == block and own and element >= 0x10:
            return self._count("private_kept", place, place.value)
        if element < 0x1000 or element & 0xFF not in own or place.vr in BULK_VRS | {"SQ", "PN"}:
            return self._gone("private")
        return self._by_vr(place)

    def _gone(self, why: str) -> DataElement | None:
        self.counts[why] += 1
        return None

    def _count(self, action: str, place: "_Place", value: Any) -> DataElement:  # noqa: ANN401 - any VR's value
        self.counts[action] += 1
        if isinstance(value, list) and not isinstance(value, MultiValue):
            value = value[0] if len(value) == 1 else value or ""
        return DataElement(place.tag, place.vr, value)


@dataclass(frozen=True, slots=True)
class _Place:
    """One element of the source, and where it stands."""

    tag: int
    vr: str
    value: Any
    keyword: str
    identity: Identity

    @property
    def group(self) -> int:
        return self.tag >> 16

    def texts(self) -> list[str]:
        """The values as texts, in order."""
        if self.value is None or self.value == "":
            return []
        many = isinstance(self.value, MultiValue | list | tuple)
        return [str(one) for one in (self.value if many else [self.value])]
