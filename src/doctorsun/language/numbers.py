"""Numbers with their units in zh and en text, and whether a translation kept them. Units: `words/units.yaml`.

What is not seen: two numbers that changed places, and signs.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from doctorsun.core.schema import Lang
from doctorsun.language.cues import any_of, folded, word_file

_FILE = "units.yaml"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_ZH_FIGURES = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_ZH_PLACES = {"十": 10, "百": 100, "千": 1000, "万": 10000, "亿": 10**8}
_ZH_WORD = re.compile("[零〇一二两三四五六七八九十百千万亿]+")
_ROMAN = re.compile(r"(?<![A-Za-z])(?:I{1,3}|I?VI{0,3}|I?X|XI{1,2})(?![A-Za-z])")
_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_CENTURY = re.compile(r"(\d{2})\s*世纪\s*(\d0)\s*年代")
_POWERS = {"square": 2, "sq": 2, "平方": 2, "cubic": 3, "立方": 3, "^2": 2, "2": 2, "^3": 3, "3": 3}
_EN_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_EN_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_VALUES = {word: at for at, word in enumerate(_EN_SMALL)} | {
    word: 10 * at for at, word in enumerate(_EN_TENS, start=2)
}
_AND = r"\s*(?:-|~|–|—|x|×|\*|/|to|or|and|by|至|到|或|乘|和)\s*"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it is meant: `value` in the first unit of what is measured; `firm` ones need a partner.

    `bare` is the number as it is written; `strict` tells that the unit may not be lost.
    """

    value: Fraction
    of: str | None
    bare: Fraction
    firm: bool
    strict: bool = False

    def agrees(self, other: "Quantity") -> bool:
        """Whether two may be one and the same."""
        if self.of is not None and other.of is not None:
            return self.of == other.of and self.value == other.value
        return (
            self.bare == other.bare and not (self.strict and other.firm) and not (other.strict and self.firm)
        )


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    number: Fraction
    unit: str | None
    firm: bool
    power: int = 1


def quantities(text: str, lang: Lang) -> list[Quantity]:
    """Every number of a text: figures, and number words, in the order they stand in."""
    plain = _prepared(folded(text), lang)
    found = sorted([*_figures(plain), *_words(plain, lang)], key=lambda one: (one.start, -one.end))
    return [*(_quantity(one) for one in _shared_units(found, plain)), *_loose(plain, lang)]


def lost_numbers(source: str, target: str, *, source_lang: Lang, target_lang: Lang) -> list[Quantity]:
    """The firm numbers of either text that have no partner in the other."""
    here, there = quantities(source, source_lang), quantities(target, target_lang)
    return [*_alone(here, there), *_alone(there, here)]


def _alone(some: Sequence[Quantity], others: Sequence[Quantity]) -> list[Quantity]:
    return [one for one in some if one.firm and not any(one.agrees(other) for other in others)]


def _prepared(text: str, lang: Lang) -> str:
    """The text without names that hold numbers; decades and parts of a hundred as figures."""
    text = _names().sub(lambda found: " " * len(found[0]), text)
    if lang == "en":
        return re.sub(r"(?<=\d0)'?s\b", " ", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", " ", text))
    text = _CENTURY.sub(lambda found: str((int(found[1]) - 1) * 100 + int(found[2])), text)
    return re.sub(rf"百分之\s*({_DIGITS}|{_ZH_WORD.pattern})", r"\1%", text)


def _figures(text: str) -> Iterator[_Found]:
    end = 0
    for found in re.finditer(rf"(?<![\d.])(?:{_DIGITS})", text):
        if found.start() >= end:
            number = Fraction(found[0].replace(",", ""))
            one = _measured(text, found.start(), found.end(), number, firm=True)
            end = one.end
            yield one


def _words(text: str, lang: Lang) -> Iterator[_Found]:
    if lang == "zh":
        for found in _ZH_WORD.finditer(text):
            number = _zh_number(found[0])
            if number is not None and not text[: found.start()].endswith(tuple("0123456789")):
                one = _measured(text, found.start(), found.end(), number, firm=False)
                counted = bool(_measures().match(text, found.end()))
                ordinal = text[: found.start()].endswith("第")
                yield replace(one, firm=number > 1 and counted and not ordinal)
        return
    for found in _en_number().finditer(text):
        ten, small = found["ten"], found["small"] or found["alone"]
        value = _EN_VALUES.get((ten or "").lower(), 0) + _EN_VALUES.get((small or "").lower(), 0)
        value = value or int(found["an"] is not None)
        yield _measured(text, found.start(), found.end(), Fraction(value), firm=value > 1)


def _measured(text: str, start: int, end: int, number: Fraction, *, firm: bool) -> _Found:
    """A number with the multiplier and the unit that stand behind it."""
    behind = _multiplier().match(text, end)
    while behind:
        number *= word_file(_FILE)["multipliers"][behind[1].lower()]
        end = behind.end()
        behind = _multiplier().match(text, end)
    unit = _unit().match(text, end)
    if unit is None:
        return _Found(start, end, number, None, firm)
    power = _POWERS.get(str(unit["before"] or unit["raised"] or "").lower(), 1)
    return _Found(start, unit.end(), number, _unit_of()[unit["unit"].lower()], firm, power)


def _shared_units(found: Sequence[_Found], text: str) -> list[_Found]:
    """The numbers, where "3 x 4 cm" gives both the unit."""
    done: list[_Found] = []
    for one in reversed(found):
        behind = done[-1] if done else None
        if behind and behind.unit and one.unit is None and re.fullmatch(_AND, text[one.end : behind.start]):
            one = replace(one, unit=behind.unit, power=behind.power)
        done.append(one)
    return done[::-1]


def _quantity(found: _Found) -> Quantity:
    if found.unit is None:
        return Quantity(found.number, None, found.number, found.firm)
    unit = _units()[found.unit]
    value = found.number * Fraction(unit["factor"]) ** found.power
    of = unit["of"] if found.power == 1 else f"{unit['of']}^{found.power}"
    return Quantity(value, of, found.number, found.firm, strict=bool(unit["strict"]))


def _loose(text: str, lang: Lang) -> Iterator[Quantity]:
    """What may stand for a number and needs no partner: "both", March, a Roman figure, an evening hour."""
    known = word_file(_FILE)["loose"][lang]
    for found in any_of(known, lang).finditer(text):
        number = Fraction(known[found[0].lower()])
        yield Quantity(number, None, number, firm=False)
    for found in _ROMAN.finditer(text):
        if found[0] in _ROMANS:
            number = Fraction(_ROMANS.index(found[0]) + 1)
            yield Quantity(number, None, number, firm=False)
    for found in re.finditer(r"(\d{1,2})(?::\d\d)?\s*p\.?m\b", text, flags=re.IGNORECASE):
        number = Fraction(int(found[1]) + 12)
        yield Quantity(number, None, number, firm=False)


def _zh_number(word: str) -> Fraction | None:
    """三十五 -> 35, 二〇二四 -> 2024; null where the characters make no number."""
    if all(char in _ZH_FIGURES for char in word):
        return Fraction(int("".join(str(_ZH_FIGURES[char]) for char in word)))
    if word[0] in "百千万亿":
        return None
    total = section = figure = 0
    for char in word:
        if char in _ZH_FIGURES:
            figure = _ZH_FIGURES[char]
        elif char in "万亿":
            total, section, figure = (total + section + figure) * _ZH_PLACES[char], 0, 0
        else:
            section, figure = section + (figure or 1) * _ZH_PLACES[char], 0
    return Fraction(total + section + figure)


@cache
def _units() -> dict[str, dict[str, str]]:
    return {unit["id"]: unit for unit in word_file(_FILE)["units"]}


@cache
def _unit_of() -> dict[str, str]:
    return {folded(word).lower(): name for name, unit in _units().items() for word in unit["words"]}


@cache
def _unit() -> re.Pattern[str]:
    words = sorted(_unit_of(), key=lambda word: (-len(word), word))
    parts = [re.escape(word) + ("(?![A-Za-z])" if word[-1].isascii() else "") for word in words]
    before = r"(?:(?P<before>square|sq|cubic|平方|立方)\.?[\s-]*)?"
    body = rf"[\s-]*{before}(?P<unit>{'|'.join(parts)})(?P<raised>\^?[23](?![\d.]))?"
    return re.compile(body, flags=re.IGNORECASE)


@cache
def _multiplier() -> re.Pattern[str]:
    words = sorted(word_file(_FILE)["multipliers"], key=lambda word: (-len(word), word))
    parts = [word + (r"\b" if word.isascii() else "") for word in words]
    return re.compile(rf"[\s-]*({'|'.join(parts)})", flags=re.IGNORECASE)


@cache
def _measures() -> re.Pattern[str]:
    return re.compile("|".join(word_file(_FILE)["measures"]))


@cache
def _names() -> re.Pattern[str]:
    words = sorted(word_file(_FILE)["names"], key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, words)), flags=re.IGNORECASE)


@cache
def _en_number() -> re.Pattern[str]:
    small, tens = "|".join(sorted(_EN_SMALL, key=len, reverse=True)), "|".join(_EN_TENS)
    return re.compile(
        rf"(?<![\w-])(?:(?P<ten>{tens})(?:[\s-]+(?P<small>{small}))?|(?P<alone>{small})|"
        r"(?P<an>an?)(?=[\s-]+(?:hundred|thousand|million|billion|dozen)\b))(?!\w)",
        flags=re.IGNORECASE,
    )
