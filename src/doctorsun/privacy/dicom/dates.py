"""Dates moved by whole days, so that intervals stay and calendar days do not (PS3.15 E.3.6, code 113107)."""

import re
from datetime import date, timedelta

_DA = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_DT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+-]\d{4})?")
_TM = re.compile(r"\d{2}:?(?:\d{2}:?(?:\d{2}(?:\.\d{1,6})?)?)?")


def shifted(vr: str, text: str, days: int) -> str | None:
    """A DA or DT moved by `days`, a TM as it is (days are whole); null where it is no date or time."""
    if vr == "TM":
        return text.strip() if _TM.fullmatch(text.strip()) else None
    found = (_DA if vr == "DA" else _DT).fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = (int(part or 1) for part in found.groups()[:3])
    try:
        moved = date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    digits = moved.isoformat().replace("-", "")
    if vr == "DA":
        return digits
    given = sum(len(part or "") for part in found.groups()[:3])
    return digits[:given] + (found[4] or "") + (found[5] or "")


def spellings(text: str) -> list[str]:
    """The ways in which the day of a DA or DT is written in reports; empty where there is no whole date."""
    found = re.match(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})", text.strip())
    if found is None:
        return []
    year, month, day = found.groups()
    short_month, short_day = str(int(month)), str(int(day))
    joined = [f"{year}{mark}{month}{mark}{day}" for mark in ("", "-", "/", ".")]
    ends = ((day, month), (month, day))
    turned = [f"{one}{mark}{other}{mark}{year}" for one, other in ends for mark in ("-", "/", ".")]
    chinese = [f"{year}年{month}月{day}日", f"{year}年{short_month}月{short_day}日"]
    return joined + turned + chinese
