"""All spellings of a name that a record knows: 张三丰, zhangsanfeng, Sanfeng Zhang, ZSF, 张先生; J. Smith."""

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from doctorsun.core.errors import MissingExtra
from doctorsun.privacy.text.folding import HANZI, fold
from doctorsun.privacy.text.lexicon import words

READINGS = 32
TITLES_ZH = (
    "先生|女士|小姐|太太|夫人|同志|某某|某|老师|医生|医师|大夫|主任|副主任|教授|护士长|护士|技师|"
    "院长|博士|阿姨|大爷|大妈|大叔|奶奶|爷爷|师傅|[*xX×○]{1,2}"
)
TITLES_EN = "Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|MR|MRS|MS|MISS|DR|PROF"


@dataclass(frozen=True, slots=True)
class Spellings:
    """Ways to look for a name: parts that may be joined or apart, exact patterns, and single words of it.

    Capitals count in patterns and words. A word is looked for last: "Wei" is a part of other names too.
    """

    parts: frozenset[tuple[str, ...]]
    patterns: frozenset[str]
    words: frozenset[str]


def spellings(name: str) -> Spellings:
    """Every spelling of a name; of a DICOM name each of its groups (PS3.5 6.2.1.1)."""
    parts: set[tuple[str, ...]] = set()
    patterns: set[str] = set()
    alone: set[str] = set()
    for group in fold(name).text.split("="):
        hanzi = re.sub(f"[^{HANZI}]", "", group)
        if len(hanzi) > 1:
            _chinese(hanzi, parts, patterns)
        else:
            _latin(group, parts, patterns)
            alone |= {_alone(word) for order in _orders(group) for word in _ends(*order) if _distinct(word)}
    return Spellings(frozenset(parts - {()}), frozenset(patterns), frozenset(alone))


def _chinese(name: str, parts: set[tuple[str, ...]], patterns: set[str]) -> None:
    size = 2 if name[:2] in words("compound") and len(name) > 2 else 1
    parts.add(tuple(name))
    masked = f"[*×○某]{name[-1]}|" if len(name) == size + 2 else ""
    patterns.add(f"{name[:size]}(?:{masked}{TITLES_ZH})")
    for reading in islice(product(*(_readings(char) for char in name)), READINGS):
        family, given = reading[:size], reading[size:]
        short = tuple(syllable[0] for syllable in given)
        parts |= {(*family, *given), (*given, *family), (*family, *short), (*short, *family)}
        patterns |= {
            *_initials([family[0][0], *short]),
            f"(?:{TITLES_EN})\\.? {''.join(family).capitalize()}",
        }


def _readings(char: str) -> list[str]:
    """All Latin syllables of a character, also of surnames read otherwise (单 shan, 仇 qiu)."""
    if importlib.util.find_spec("pypinyin") is None:
        raise MissingExtra("pinyin", "privacy")
    from pypinyin import Style, pinyin

    found = [re.sub("[^a-z]", "", one) for one in pinyin(char, style=Style.NORMAL, heteronym=True)[0]]
    wider = [form for one in found for form in (one, one.replace("v", "u"), one.replace("v", "yu"))]
    return list(dict.fromkeys(one for one in wider if one)) or [char]


def _latin(name: str, parts: set[tuple[str, ...]], patterns: set[str]) -> None:
    """The spellings of a name in Latin letters: caret, comma and plain order."""
    units = [unit[0] for unit in re.split(r"[\s,^.]+", name.lower()) if unit[:1].isalpha()]
    patterns |= {*_initials(units), *_initials([*units[1:], *units[:1]])} if len(units) > 1 else set()
    for rank, (given, family) in enumerate(_orders(name)):
        parts |= {(*given, *family), (*family, *given)}
        if not given or not family or rank:
            continue
        first, short = given[0], tuple(one[0] for one in given[1:])
        initials = (first[0], *short)
        parts |= {(first, *family), (*family, first), (first, *short, *family), (*family, first, *short)}
        parts |= {(first[0], *family), (*family, first[0]), (*initials, *family), (*family, *initials)}
        for last in {family[0][0], family[-1][0]}:
            patterns |= {*_initials([*initials, last]), *_initials([first[0], last])}
        patterns.add(f"(?:{TITLES_EN})\\.? (?i:{'[ -]?'.join(_letters(one) for one in family)})")


def _ends(given: tuple[str, ...], family: tuple[str, ...]) -> tuple[str, ...]:
    """The first and the last of a name."""
    return (*given[:1], *family[-1:])


def _orders(name: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(Given, family) of a name; where the order is not written both are taken."""
    if "^" in name or "," in name:
        family, given, *rest = [*re.split(r"[\^,]", name), ""]
        middle = rest[0] if "^" in name and rest else ""
        yield _tokens(f"{given} {middle}"), _tokens(family)
        return
    tokens = _tokens(name)
    if len(tokens) < 2:
        yield (), tokens
        return
    size = next((at for at, one in enumerate(tokens) if one in _PARTICLES and at), len(tokens) - 1)
    yield tokens[:size], tokens[size:]
    if size == len(tokens) - 1:
        yield tokens[1:], tokens[:1]


_PARTICLES = {
    "van",
    "von",
    "der",
    "den",
    "de",
    "del",
    "della",
    "di",
    "da",
    "la",
    "le",
    "al",
    "el",
    "bin",
    "ter",
    "st",
}


def _tokens(text: str) -> tuple[str, ...]:
    found = re.findall(
        r"[a-z]+(?:'[a-z]+)*", re.sub(r"\b(?:mr|mrs|ms|dr|prof|md|jr|sr)\b\.?", " ", text.lower())
    )
    return tuple(one.replace("'", "") for one in found)


def _letters(word: str) -> str:
    """A word with the marks that may stand in it: O'Neil, ONeil."""
    return f"{word[:1]}'?{word[1:]}"


def _distinct(word: str) -> bool:
    """Whether a single name may be removed wherever it stands with a capital letter."""
    return len(word) > 2 and word not in _PARTICLES and word not in words("keep_en")


def _alone(word: str) -> str:
    return f"{word[0].upper()}'?(?i:{word[1:]})"


def _initials(letters: list[str]) -> Iterator[str]:
    """Three and more initials anywhere, two only where a typist's mark follows or dots stand between."""
    capitals = [letter.upper() for letter in letters]
    yield "\\. ?".join(capitals) + "\\."
    joined = "".join(capitals)
    yield (
        joined
        if len(joined) > 2 and joined not in words("abbreviations")
        else f"{joined}(?=[/:][A-Za-z]{{2,3}}\\b)"
    )
