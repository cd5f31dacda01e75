"""What pictures and reports are joined by: keyed digests of numbers, days and names of files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath

from doctorsun.data.hospital.mapping import Joint
from doctorsun.privacy.key import Key, bare_number
from doctorsun.privacy.text.dates import parse

Links = Mapping[Joint, Sequence[str]]
_ENDINGS = re.compile(r"\.(?:dcm|dicom|ima|png|jpe?g|bmp|tiff?|webp|txt|pdf|docx?)$", re.IGNORECASE)
_EMPTY = frozenset({"", ".", ".."})


def links_of(
    key: Key,
    *,
    accession: Iterable[str] = (),
    study: Iterable[str] = (),
    patient: Iterable[str] = (),
    days: Iterable[str] = (),
    files: Iterable[str] = (),
) -> Links:
    """The digests that a picture and a report have in common when they belong together.

    `files` are paths with forward or backward slashes; their names and the folders they lie in count.
    """
    moments = sorted({day.isoformat() for one in days if (day := day_of(one))})
    people = sorted({form for one in patient for form in _forms(one)})
    return {
        "accession": _digests(key.number(form) for one in accession for form in _forms(one)),
        "study": _digests(key.uid(one.strip()) for one in study if one.strip()),
        "patient_date": _digests(
            key.pseudonym("visit", f"{person}/{day}", length=20) for person in people for day in moments
        ),
        "file": _digests(
            key.pseudonym("file_name", name, length=20) for one in files for name in names_of(one)
        ),
    }


def day_of(value: str) -> date | None:
    """The day of a date as tables and headers write it: year first."""
    return parse(value)


def names_of(path: str) -> list[str]:
    """The names by which a file can be meant: its own without its ending, and those of its folders."""
    parts = PurePosixPath(path.strip().replace("\\", "/")).parts
    return [name for part in parts if (name := _ENDINGS.sub("", part).casefold()) not in _EMPTY]


def numbers_in(path: str) -> list[str]:
    """What in a picture's path may be its accession number: each name, and its first part (A12_1.png)."""
    names = names_of(path)
    return list(dict.fromkeys([*names, *(re.split(r"[_\s#.]", name)[0] for name in names)]))


def _forms(number: str) -> set[str]:
    """A number, and what a spreadsheet leaves of it: 00123 becomes 123."""
    bare = bare_number(number) if number.strip() else ""
    return {bare, bare.lstrip("0") if bare.isdigit() else bare} - {""}


def _digests(found: Iterable[str]) -> list[str]:
    return sorted(set(found))
