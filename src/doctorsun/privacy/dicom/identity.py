"""Who a file is about: one identity, from which the pseudonym and the shift of dates follow."""

from dataclasses import dataclass, field
from typing import Any, Literal

from doctorsun.privacy.key import Key

Basis = Literal["id", "name", "study"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A patient under one key. `basis` says what the identity rests on: the id is the only sure one."""

    value: str = field(repr=False)
    pseudonym: str
    shift_days: int
    basis: Basis


def identity_of(dataset: Any, key: Key) -> Identity:  # noqa: ANN401 - pydicom's Dataset
    """The identity of a data set's patient.

    PatientID with its issuer; without an id the name with the birth date; without both the study, so that
    unnamed studies stay apart. Without an issuer the pseudonym is the one that a table or a text gives to
    the same number (`Key.number`), and dates move together.
    """
    patient = _text(dataset, "PatientID")
    name, birth = _text(dataset, "PatientName"), _text(dataset, "PatientBirthDate")
    basis: Basis
    if patient:
        basis, parts = "id", [_text(dataset, "IssuerOfPatientID"), patient]
    elif name:
        basis, parts = "name", [name, birth]
    else:
        basis, parts = "study", [_text(dataset, "StudyInstanceUID") or _text(dataset, "SOPInstanceUID")]
    value = "\x1f".join(filter(None, parts))
    return Identity(value, key.number(value), key.shift_days(value), basis)


def _text(dataset: Any, keyword: str) -> str:  # noqa: ANN401 - pydicom's Dataset
    found = dataset.get(keyword)
    return "" if found is None else str(found).strip()
