"""Values that a record's own fields hold, removed literally in every spelling before any pattern looks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from doctorsun.privacy.text.board import Hit
from doctorsun.privacy.text.folding import HANZI, fold
from doctorsun.privacy.text.lexicon import eponym_noun
from doctorsun.privacy.text.spelling import spellings

_BETWEEN = re.compile(r"[\s.,'\-^_·•・()/+#:]+")
_IN_NAMES = re.compile(r"[\s.,'\-^_·•・]+")
_PLAIN_GAP = re.compile(r"[\s·•・\-_]{0,3}")
_PLACEHOLDERS = frozenset(
    {
        "na",
        "none",
        "null",
        "unknown",
        "anonymous",
        "patient",
        "name",
        "test",
        "male",
        "female",
        "无",
        "未知",
        "不详",
    }
)
_ID_SHORTEST = 4
_SURE = 10


@dataclass(frozen=True)
class Known:
    """What the fields of a record say. `patient` names whose dates move together; dates as ISO or DICOM."""

    names: tuple[str, ...] = field(default=(), repr=False)
    ids: tuple[str, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    addresses: tuple[str, ...] = field(default=(), repr=False)
    dates: tuple[str, ...] = field(default=(), repr=False)
    hospitals: tuple[str, ...] = field(default=(), repr=False)
    doctors: tuple[str, ...] = field(default=(), repr=False)
    other: tuple[str, ...] = field(default=(), repr=False)
    patient: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Squeezed:
    """A text without what may stand between the parts of a value, in small letters, with its places."""

    text: str
    at: list[int]
    whole: str


class Literals:
    """The known values of one record, ready to be looked for in many texts."""

    def __init__(self, known: Known) -> None:
        self.parts: dict[tuple[str, ...], str] = {}
        patterns: dict[str, set[str]] = {"name": set(), "doctor": set()}
        alone: dict[str, set[str]] = {"name": set(), "doctor": set()}
        for kind, names in (("doctor", known.doctors), ("name", known.names)):
            for name in filter(_telling, names):
                found = spellings(name)
                self.parts |= {parts: kind for parts in found.parts if any(parts)}
                patterns[kind] |= found.patterns
                alone[kind] |= found.words
        self.patterns = {kind: _either(found) for kind, found in patterns.items() if found}
        self.words = {kind: _either(found) for kind, found in alone.items() if found}
        values = {"id": known.ids, "phone": known.phones, "hospital": known.hospitals, "other": known.other}
        for kind, texts in values.items():
            for text in filter(_telling, texts):
                self.parts |= {(one,): kind for one in _forms(kind, text)}
        for text in known.addresses:
            self.parts |= {(one,): "address" for one in _addresses(text)}

    def find(self, text: str) -> Iterator[list[Hit]]:
        """Finds in a folded text; where they overlap, the earliest and longest will stand."""
        hits: list[Hit] = []
        if self.parts:
            squeezed = _squeeze(text)
            for parts, kind in self.parts.items():
                hits += _find(squeezed, parts, kind)
        for kind, pattern in self.patterns.items():
            hits += [Hit(*found.span(), kind) for found in pattern.finditer(text)]
        yield hits

    def find_words(self, text: str) -> Iterator[list[Hit]]:
        """Finds of single words of the names, for when whole names have been found."""
        for kind, pattern in self.words.items():
            yield [
                Hit(*found.span(), kind)
                for found in pattern.finditer(text)
                if not eponym_noun().match(text, found.end())
            ]


def _either(patterns: set[str]) -> re.Pattern[str]:
    ordered = sorted(patterns, key=lambda pattern: (-len(pattern), pattern))
    return re.compile(f"(?<![A-Za-z])(?:{'|'.join(ordered)})(?![A-Za-z])")


def _telling(value: str) -> bool:
    """Whether a value is one: not empty, not a word such as "unknown"."""
    bare = _BETWEEN.sub("", fold(value).text).lower()
    return len(bare) > 1 and bare not in _PLACEHOLDERS


def _forms(kind: str, value: str) -> Iterator[str]:
    bare = _BETWEEN.sub("", fold(value).text).lower()
    if len(bare) < _ID_SHORTEST:
        return
    yield bare
    if kind == "id" and len(bare.lstrip("0")) > _ID_SHORTEST:
        yield bare.lstrip("0")
    if kind == "phone" and len(bare) > _SURE:
        yield from {bare.removeprefix("86"), bare.removeprefix("0086"), bare.removeprefix("1")}
    if kind == "hospital" and (city := re.match(f"[{HANZI}]{{2,7}}?[省市县](?=[{HANZI}]{{4}})", bare)):
        yield bare[city.end() :]


def _addresses(value: str) -> Iterator[str]:
    """An address, and its parts that still lead to the door: without the town, the street with its number."""
    text = fold(value).text
    whole = _BETWEEN.sub("", text).lower()
    for found in [whole, *(_BETWEEN.sub("", one).lower() for one in text.split(",")[:1])]:
        if len(found) > _ID_SHORTEST:
            yield found
    for place in re.finditer("[省市区县镇乡]", whole):
        if len(whole) - place.end() > _ID_SHORTEST:
            yield whole[place.end() :]


def _squeeze(text: str) -> _Squeezed:
    at: list[int] = []
    parts: list[str] = []
    start = 0
    for gap in [*_BETWEEN.finditer(text), None]:
        end = gap.start() if gap else len(text)
        parts.append(text[start:end])
        at.extend(range(start, end))
        start = gap.end() if gap else end
    return _Squeezed(
        "".join(char.lower() if len(char.lower()) == 1 else char for char in "".join(parts)), at, text
    )


def _find(squeezed: _Squeezed, parts: tuple[str, ...], kind: str) -> Iterator[Hit]:
    needle = "".join(parts)
    start = squeezed.text.find(needle)
    while start >= 0:
        end = start + len(needle)
        if _whole(squeezed, start, end, parts, kind):
            yield Hit(squeezed.at[start], squeezed.at[end - 1] + 1, kind)
            start = end - 1
        start = squeezed.text.find(needle, start + 1)


def _whole(squeezed: _Squeezed, start: int, end: int, parts: tuple[str, ...], kind: str) -> bool:
    """Whether a find is no part of a longer word or number, and holds together."""
    text, at = squeezed.whole, squeezed.at
    first, last = at[start], at[end - 1]
    sure = end - start >= _SURE and len(parts[0]) > 1 and len(parts[-1]) > 1
    if not sure and (_runs_on(text, first - 1, first) or _runs_on(text, last, last + 1)):
        return False
    loose = end - start >= _SURE - 2 or kind not in {"name", "doctor"}
    ends = set()
    place = start
    for part in parts:
        place += len(part)
        ends.add(place)
    for one in range(start + 1, end):
        gap = text[at[one - 1] + 1 : at[one]]
        if not gap:
            continue
        if kind in {"name", "doctor"} and not _joins(squeezed, one, gap):
            return False
        joint = loose or one in ends
        if not joint or len(gap) > 4 or (text[at[one]] > "\u3400" and not _PLAIN_GAP.fullmatch(gap)):
            return False
    return True


def _joins(squeezed: _Squeezed, place: int, gap: str) -> bool:
    """Whether a gap may stand inside a name: a full stop after a word of three letters ends the sentence."""
    last = squeezed.at[place - 1]
    word = last > 1 and squeezed.whole[last - 2 : last + 1].isalpha()
    return bool(_IN_NAMES.fullmatch(gap)) and not (word and re.match(r"\.\s", gap))


def _runs_on(text: str, left: int, right: int) -> bool:
    """Whether two neighbours belong to one word or number."""
    if left < 0 or right >= len(text) or not (text[left].isascii() and text[right].isascii()):
        return False
    pair = text[left], text[right]
    return all(char.isalpha() for char in pair) or all(char.isdigit() for char in pair)
