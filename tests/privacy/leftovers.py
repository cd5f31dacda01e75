"""What is left of the identifiers of a made report after cleaning, searched as bytes in four encodings."""

import base64
import re
import unicodedata
from functools import cache

from doctorsun.privacy.key import Key
from doctorsun.privacy.text import Cleaned, Known, TextCleaner
from tests.privacy.report_templates import BODIES
from tests.privacy.reports import Report, Value

KEY = Key(bytes(range(32)))
BARE = 6
# "12" and "4A" are also sizes and grades, so a bed is looked for as a bed.
_BED = re.compile(r"(?:床号|床位|(?i:room|location))\s*:?\s*[+A-Z]?\d|\d床")
NAMES = (
    "name",
    "reporter",
    "reviewer",
    "doctor",
    "contact",
    "unlabelled",
    "titled",
    "pinyin",
    "doctor_title",
)
CLINICAL = {"van", "der", *re.findall("[a-z]+", " ".join(BODIES["en"]).lower())}
DATES = ("birth", "exam_date", "past_date", "month_day")


def known_of(report: Report) -> Known:
    """What the fields of the report's record say."""
    record = report.record
    return Known(
        names=(record["name"],),
        doctors=(record["reporter"], record["reviewer"]),
        ids=(record["mrn"], record["accession"], record["id18"]),
        phones=(record["mobile"],),
        addresses=(record["address"],),
        hospitals=(record["hospital"],),
        dates=(record["birth"], record["exam_date"]),
        patient=record["mrn"],
    )


def clean(report: Report) -> Cleaned:
    """The report cleaned with what its record knows."""
    return TextCleaner(KEY, known=known_of(report)).clean(report.text)


def left(report: Report, cleaned: Cleaned) -> list[Value]:
    """The identifiers that are still there.

    A date, and a value of a few characters, counts only outside of replacements: a moved date may fall on
    another date of the report, and "05" is a part of many.
    """
    outside = _outside(report.text, cleaned)
    found = []
    for value in report.values:
        if value.kind == "bed":
            found += [value] if _BED.search(_plain(outside)) else []
            continue
        short = value.kind in DATES or len(value.surface) < BARE
        text = outside if short else cleaned.text
        whole = _in(text, value.surface, exact=value.kind == "initials") or (
            not short and _in_bytes(text, value.surface)
        )
        if whole or any(_in(outside, part) for part in _parts(value)):
            found.append(value)
    return found


def _parts(value: Value) -> list[str]:
    """The parts of a name or of an address that may not stay behind either."""
    if value.kind in NAMES:
        words = re.findall(r"[^\W\d_]{3,}", value.surface)
        return [word for word in words if word.lower() not in CLINICAL] or [value.surface[-2:]]
    return value.surface.split(", ")[:1] if value.kind.startswith("address") else []


def _outside(text: str, cleaned: Cleaned) -> str:
    parts, at = [], 0
    for span in cleaned.spans:
        parts.append(text[at : span.start])
        at = span.end
    return "\n".join([*parts, text[at:]])


def _in(text: str, surface: str, *, exact: bool = False) -> bool:
    plain = _plain(surface)
    ends = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z岁年月日.])"
    return bool(
        re.search(f"{ends[0]}{re.escape(plain)}{ends[1]}", _plain(text), 0 if exact else re.IGNORECASE)
    )


def _plain(text: str) -> str:
    return re.sub("[\u200b-\u200f]", "", unicodedata.normalize("NFKC", text))


def _in_bytes(text: str, surface: str) -> bool:
    raw = [text.encode("utf-8"), text.encode("gb18030"), text.encode("utf-16-le")]
    return any(needle in one for one in raw for needle in _needles(surface))


@cache
def _needles(surface: str) -> tuple[bytes, ...]:
    plain = [surface.encode(name) for name in ("utf-8", "gb18030", "utf-16-le")]
    # Base64 of a value differs with its place in a group of three bytes; its ends are dropped.
    coded = [base64.b64encode(b"\0" * shift + one)[4:-4] for one in plain[:2] for shift in range(3)]
    return (*plain, *(one for one in coded if len(one) >= 8))
