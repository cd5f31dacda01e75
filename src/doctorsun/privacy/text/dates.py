"""Dates in all forms that reports use, moved by one number of days and written in the form they had.

Order of 05/03/2024: a part above 12 is the day; else the reading that the record knows; else day first with
dots, month first with dashes and slashes. A date without a year takes the year of the last date before it,
else of the record, else 2001. A year or a month alone moves from its middle.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from doctorsun.privacy.text.board import Hit

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NAMES = "|".join([*(month.capitalize() for month in MONTHS), *(month.upper() for month in MONTHS), "Sept",
    "SEPT",
                   *(month[:3].capitalize() for month in MONTHS),
                       *(month[:3].upper() for month in MONTHS)])  # fmt: skip
_MONTH = f"(?P<b>{_NAMES})"
_HAN = "〇零一二三四五六七八九十"
_YEAR = r"(?P<y>(?:18|19|20)\d\d)"
_DAY = r"(?P<d>3[01]|[12]\d|0?[1-9])"
_NUMBER = r"(?P<m>1[0-2]|0?[1-9])"
_NOT_BEFORE, _NOT_AFTER = r"(?<![\d.A-Za-z])", r"(?!\d|[.]\d)"
_UNIT = r"(?! ?(?:mm|cm|ml|mL|mg|kg|HU|%|x ?\d|×))"

_FORMS = [
    rf"{_YEAR}\s{{0,2}}(?P<s>[-/._])\s{{0,2}}{_NUMBER}\s{{0,2}}(?P=s)\s{{0,2}}{_DAY}(?!\d)",
    rf"(?P<y>(?:(?:18|19|20)\d\d)|\d\d)\s{{0,2}}年\s{{0,2}}{_NUMBER}\s{{0,2}}月\s{{0,2}}{_DAY}\s{{0,2}}[日"
    rf"号]?",
    rf"{_YEAR}\s{{0,2}}年\s{{0,2}}{_NUMBER}\s{{0,2}}月(?:份)?",
    rf"{_NUMBER}\s{{0,2}}月\s{{0,2}}{_DAY}\s{{0,2}}[日号]",
    rf"{_YEAR}\s{{0,2}}年(?!龄)",
    r"(?P<y>(?:18|19|20)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?=(?:[01]\d|"
    r"2[0-3])[0-5]\d(?:[0-5]\d)?(?:\.\d{1,6})?(?!\d)|(?!\d))",
    rf"(?P<p>[0-3]?\d)\s{{0,2}}(?P<s>[-/.])\s{{0,2}}(?P<q>[0-3]?\d)\s{{0,2}}(?P=s)\s{{0,2}}(?P<y>(?:(?:18|"
    rf"19|20)\d\d)){_NOT_AFTER}",
    r"(?P<p>[0-3]?\d)/(?P<q>[0-3]?\d)/(?P<y>\d\d)(?![\d/])",
    rf"{_MONTH}\.?,?[ -]{{0,2}}{_DAY}(?:st|nd|rd|th)?(?:,\s{{0,2}}|\s{{1,2}}|-)(?P<y>(?:18|19|20)\d\d)(?!\d)",
    rf"{_DAY}(?:st|nd|rd|th)?[ -]{{0,2}}(?:of )?{_MONTH}\.?,?[ -]{{0,2}}(?P<y>(?:18|19|20)\d\d)(?!\d)",
    rf"{_DAY}-{_MONTH}-(?P<y>\d\d)(?!\d)",
    rf"{_MONTH}\.?,? {{0,2}}(?:of )?(?P<y>(?:18|19|20)\d\d)(?!\d)",
    rf"{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?(?![\d.]\d|\d){_UNIT}",
    rf"{_DAY}(?:(?:st|nd|rd|th)? (?:of )?|-){_MONTH}(?![a-z])",
    rf"(?P<y>(?:19|20)\d\d)(?P<s>[-/])(?P<m>0[1-9]|1[0-2])(?![\d/-]){_UNIT}",
    rf"(?P<y>(?:19|20)\d\d)\.{_NUMBER}(?![\d.]){_UNIT}",
    r"(?P<y>\d\d)(?P<s>[-.])(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])(?![\d.-])",
    r"(?<=[iI]n )(?P<y>(?:19|20)\d\d)(?!\d|[.,]\d| ?(?:mm|ml|mg|mL|cc|g|HU))|(?<=[sS]ince )(?P<y2>(?:19|"
    r"20)\d\d)(?!\d)",
    rf"(?P<hy>[{_HAN[:-1]}]{{4}})年(?:(?P<hm>[{_HAN}]{{1,2}})月(?:(?P<hd>[{_HAN}]{{1,3}})[日号]?)?)?",
]
_LABELLED = re.compile(
    r"(?P<label>(?:日期|时间|出生|生日|DOB|D\.O\.B\.?|[dD]ate|DATE)[^\d\n]{0,12})(?P<y>\d\d)(?P<s>[-/.])(?"
    r"P<m>1[0-2]|0?[1-9])(?P=s)(?P<d>3[01]|[12]\d|0?[1-9])(?!\d)"
)
_PATTERNS = [re.compile(_NOT_BEFORE + f"(?:{form})") for form in _FORMS[:-1]] + [re.compile(_FORMS[-1])]
_PIVOT = 50
_DEFAULT_YEAR = 2001
_LEAP_YEAR = 2000
_MID_MONTH, _MID_YEAR = 15, 7


@dataclass(frozen=True, slots=True)
class _Read:
    """A date in a text: its day, and the place and text of each part that changes."""

    start: int
    end: int
    year: int | None
    month: int
    day: int
    found: re.Match[str]
    groups: dict[str, str]


class Dates:
    """Finds and moves dates; `days` null removes them instead."""

    def __init__(self, days: int | None, known: tuple[str, ...] = ()) -> None:
        self.days = days
        self.known = {day for one in known if (day := parse(one))}

    def find(self, text: str) -> Iterator[list[Hit]]:
        """Finds in a folded text, one list a form, each with the moved date in its form."""
        covered: list[_Read] = []
        taken = bytearray(len(text))
        for pattern in [*_PATTERNS, _LABELLED]:
            for found in pattern.finditer(text):
                read = self._read(found)
                if read and not any(taken[read.start : read.end]):
                    taken[read.start : read.end] = b"\1" * (read.end - read.start)
                    covered.append(read)
        covered.sort(key=lambda read: read.start)
        yield list(self._hits(covered))

    def _hits(self, reads: list[_Read]) -> Iterator[Hit]:
        year = next((read.year for read in reads if read.year), None)
        year = min((day.year for day in self.known), default=year or _DEFAULT_YEAR) if year is None else year
        for read in reads:
            year = read.year or year
            if self.days is None:
                yield Hit(read.start, read.end, "date")
                continue
            day = _day(year, read.month, read.day) or _day(_LEAP_YEAR, read.month, read.day)
            if day is not None:
                yield Hit(read.start, read.end, "date", _write(read, day + timedelta(days=self.days)))

    def _read(self, found: re.Match[str]) -> _Read | None:
        """The date of a match, null where there is no such day."""
        groups = {name: value for name, value in found.groupdict().items() if value is not None}
        label = groups.pop("label", "")
        parts = {name: _number(name, value) for name, value in groups.items() if name != "s"}
        if "p" in parts:
            month_first = self._month_first(parts, groups.get("s", "/"))
            groups["m"], groups["d"] = ("p", "q") if month_first else ("q", "p")
            parts["m"], parts["d"] = (parts[groups["m"]], parts[groups["d"]])
        year = next((parts[name] for name in ("y", "y2", "hy") if name in parts), None)
        month = next((parts[name] for name in ("m", "b", "hm") if name in parts), _MID_YEAR)
        day = next((parts[name] for name in ("d", "hd") if name in parts), _MID_MONTH)
        if year is not None and year < 100:
            year += 2000 if year < _PIVOT else 1900
        if _day(year or 2000, month, day) is None:
            return None
        return _Read(found.start() + len(label), found.end(), year, month, day, found, groups)

    def _month_first(self, parts: dict[str, int], separator: str) -> bool:
        first, second, year = parts["p"], parts["q"], parts["y"]
        if first > 12 or second > 12:
            return second > 12
        for month_first, (month, day) in ((True, (first, second)), (False, (second, first))):
            if any((one.month, one.day, one.year % 100) == (month, day, year % 100) for one in self.known):
                return month_first
        return separator != "."


def parse(value: str) -> date | None:
    """The day of a field: ISO, DICOM (20240305) or with slashes or dots, year first."""
    found = re.match(r"\s*((?:18|19|20)\d\d)[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})", value)
    return _day(*(int(part) for part in found.groups())) if found else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _number(name: str, value: str) -> int:
    if name == "b":
        return next(at for at, month in enumerate(MONTHS, start=1) if month.startswith(value.lower()[:3]))
    if name.startswith("h"):
        return _from_han(value)
    return int(value)


def _from_han(value: str) -> int:
    digits = "〇一二三四五六七八九"
    plain = value.replace("零", "〇")
    if "十" not in plain:
        return int("".join(str(digits.index(char)) for char in plain))
    tens, _, ones = plain.partition("十")
    return (
        (digits.index(tens) if tens else 1) * 10 + (digits.index(ones) if ones else 0)
        if len(ones) < 2
        else 99
    )


def _to_han(number: int, *, year: bool) -> str:
    digits = "〇一二三四五六七八九"
    if year:
        return "".join(digits[int(char)] for char in str(number))
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones else "")


def _write(read: _Read, day: date) -> str:
    """The day in the form of the date that was read."""
    groups = read.groups
    numbers = [groups.get(name, "") for name in ("m", "d", "p", "q") if groups.get(name, "").isdigit()]
    padded = all(len(number) == 2 for number in numbers) and bool(numbers)
    writers: dict[str, Callable[[str], str]] = {
        "y": lambda old: f"{day.year:04d}"[-len(old) :],
        "y2": lambda old: f"{day.year:04d}",
        "m": lambda _: f"{day.month:02d}" if padded else str(day.month),
        "d": lambda _: f"{day.day:02d}" if padded else str(day.day),
        "b": lambda old: _month_name(day.month, old),
        "hy": lambda _: _to_han(day.year, year=True),
        "hm": lambda _: _to_han(day.month, year=False),
        "hd": lambda _: _to_han(day.day, year=False),
    }
    names = {name: name for name in groups if name in writers and name not in {"m", "d"}}
    names |= {
        groups[name] if groups[name] in {"p", "q"} else name: name for name in ("m", "d") if name in groups
    }
    places = sorted((read.found.span(place), name) for place, name in names.items())
    text, at, parts = read.found.string, read.start, []
    for (start, end), name in places:
        parts += [text[at:start], writers[name](text[start:end])]
        at = end
    return _ordinal("".join(parts) + text[at : read.end], day.day)


def _month_name(month: int, old: str) -> str:
    name = MONTHS[month - 1].capitalize()
    written = name if len(old) > 3 and old.lower() in MONTHS else name[:3]
    return written.upper() if old.isupper() else written


def _ordinal(text: str, day: int) -> str:
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", ending, text)
