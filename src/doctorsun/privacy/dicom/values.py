"""Every identifying value that a file holds, gathered before anything is changed.

They are what the text cleaner removes literally, and what the residual scan looks for.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from pydicom.dataset import Dataset

from doctorsun.privacy.dicom.dates import spellings as date_spellings
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.reading import decoded
from doctorsun.privacy.dicom.table import (
    TEXT_VRS,
    action_of,
    group_out,
    is_public_uid,
    keyword_of,
    listed,
)
from doctorsun.privacy.residual import Value
from doctorsun.privacy.text.spelling import spellings as name_spellings

_LONG = 64
_SHORTEST_UID = 14
# What stands inside prose or unknown bytes and still leads to a person: mail, phone, long numbers.
_PIECES = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d(?:[ -]?\d){6,}[xX]?|(?<![\w.])[A-Za-z]{0,4}\d{6,}(?![\w.])"
)
_GENERIC_NAME = re.compile(
    r"(?i)^(?:im|img|image|i|slice|ser|series|s|ct|mr|e|file|dicom|us|1)?[\-_. ]?\d{0,8}$"
)
_PATIENT_GROUP = 0x0010
_PHONES = {"PatientTelephoneNumbers", "ReferringPhysicianTelephoneNumbers", "PersonTelephoneNumbers"}


@dataclass(frozen=True, slots=True)
class Found:
    """One identifying element: its value as the residual scan sees it, and its role for the text cleaner."""

    keyword: str
    vr: str
    text: str = field(repr=False)


def values_of(dataset: Dataset, *, policy: DicomPolicy) -> list[Found]:
    """The identifying elements of a data set and all its items."""
    kept = _kept_keywords(policy)
    return [one for one in _walk(dataset) if one.keyword not in kept]


def residual_values(found: Iterable[Found], *, name: str) -> Iterator[Value]:
    """The values to scan for, in all their spellings; `name` is the file's path below the source."""
    for one in found:
        kind = one.keyword or "private"
        for text in _spelled(one):
            yield Value(kind, text)
    for part in PurePath(name).parts:
        stem = PurePath(part).stem
        if not _GENERIC_NAME.match(stem) and re.search(r"\d", stem) and re.search(r"[^\W\d]", stem):
            yield Value("file_name", stem)
        for number in re.findall(r"(?<!\d)\d{6,}(?!\d)", stem):
            yield Value("file_name", number)


def known_fields(found: Iterable[Found]) -> dict[str, tuple[str, ...]]:
    """The values by the fields of the text engine's `Known`."""
    fields: dict[str, list[str]] = {}
    for one in found:
        fields.setdefault(_field(one), []).append(one.text)
    return {name: tuple(dict.fromkeys(texts)) for name, texts in fields.items() if name}


def _field(one: Found) -> str:
    if one.vr == "PN":
        return "names" if one.keyword.startswith(("Patient", "OtherPatient")) else "doctors"
    if one.vr in {"UI", "DA", "DT"}:
        return "dates" if one.vr != "UI" else ""
    if one.keyword in _PHONES:
        return "phones"
    if "Address" in one.keyword:
        return "addresses"
    if one.keyword.startswith("Institution"):
        return "hospitals"
    return "ids" if re.search(r"\d", one.text) and len(one.text) <= _LONG else "other"


def _kept_keywords(policy: DicomPolicy) -> frozenset[str]:
    kept: frozenset[str] = listed("patient_characteristics")
    kept |= listed("device_identity") if policy.device_identity else frozenset()
    return kept | (listed("institution") if policy.institution else frozenset())


def _walk(dataset: Dataset) -> Iterator[Found]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _walk(item)
        else:
            yield from _of_element(int(element.tag), element.VR, element.value)


def _of_element(tag: int, vr: str, value: Any) -> Iterator[Found]:  # noqa: ANN401 - pydicom's values
    keyword = keyword_of(tag)
    private = bool(tag >> 16 & 1)
    texts = (
        [str(one).strip() for one in (value if _many(value) else [value])] if value not in (None, "") else []
    )
    if vr in {"OB", "UN"}:
        if (private or not keyword) and isinstance(value, bytes) and len(value) <= 1024:
            yield from (Found("", "LT", piece) for piece in _PIECES.findall(decoded(value)))
    elif vr in {"PN", "DA", "DT"}:
        yield from (Found(keyword, vr, text) for text in texts if text)
    elif vr == "UI":
        yield from (
            Found(keyword, vr, text)
            for text in texts
            if len(text) > _SHORTEST_UID and not is_public_uid(text)
        )
    elif vr in TEXT_VRS and private:
        yield from (Found("", "LT", piece) for text in texts for piece in _PIECES.findall(text))
    elif vr in TEXT_VRS and _identifying(tag, keyword):
        for text in texts:
            if len(text) <= _LONG:
                yield Found(keyword, vr, text)
            yield from (Found(keyword, vr, piece) for piece in _PIECES.findall(text))


def _identifying(tag: int, keyword: str) -> bool:
    group = tag >> 16
    named = action_of(tag) is not None or keyword in listed("also_out")
    return (named or group == _PATIENT_GROUP or bool(group_out(group))) and keyword not in listed(
        "descriptors"
    )


def _many(value: object) -> bool:
    return isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"


def _spelled(one: Found) -> Iterator[str]:
    if one.vr == "PN":
        for group in one.text.split("="):
            parts = [part.strip() for part in group.split("^") if part.strip()]
            yield from parts
            yield from (mark.join(parts) for mark in ("", " ", "^", ", "))
        for spelling in name_spellings(one.text).parts:
            yield from ("".join(spelling), " ".join(spelling))
    elif one.vr in {"DA", "DT"}:
        yield from date_spellings(one.text) or [one.text]
    else:
        yield one.text
        if one.vr == "SH" or one.keyword in _PHONES:
            yield re.sub(r"[\s\-()+]", "", one.text)
