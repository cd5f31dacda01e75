"""Lists of words that a clinician can edit (`words/*.yaml`), read as patterns."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from html import unescape
from importlib import resources
from typing import Any

import yaml

from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Lang

_END = re.compile(r"(?<!\d)\.(?!\d)|\.(?=\s|$)|[。!！?？;；\n]+")

_CLAUSE = {
    "zh": re.compile(r"[,，](?!如|例如|比如|诸如|包括|像|或|和|及|以及)|(?=但)"),
    "en": re.compile(
        r",?\s+(?=(?:but|however|while|although|without|with no)\b)"
        r"|,\s+(?=(?:no|with|there|the|which|he|she|it|and\s+(?:no|there|the|an?|is|are|was|were))\b)",
        flags=re.IGNORECASE,
    ),
}


@cache
def word_file(name: str) -> dict[str, Any]:
    """The lists of one file of `words/`."""
    text = resources.files("doctorsun.language").joinpath("words", name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@cache
def pattern(file: str, lang: Lang, name: str) -> re.Pattern[str]:
    """A pattern of the words of one list, the longest first; ConfigError where one is no text."""
    words = word_file(file)[lang][name]
    wrong = next((word for word in words if not isinstance(word, str)), None)
    if wrong is not None:
        raise ConfigError("language.not_a_word", where=f"{file}: {lang}.{name}", found=wrong)
    return any_of(words, lang)


def any_of(words: Iterable[str], lang: Lang) -> re.Pattern[str]:
    """A pattern of words: English ones whole, `*` for any letters; abbreviations keep their capitals."""
    parts = [_part(word, lang) for word in sorted(words, key=lambda word: (-len(word), word))]
    return re.compile("|".join(parts))


def folded(text: str) -> str:
    """The text in one form: NFKC, plain apostrophes, no HTML entities; a raised figure stands behind `^`."""
    raised = re.sub(
        r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"^{unicodedata.normalize('NFKC', found[0])}", unescape(text)
    )
    return unicodedata.normalize("NFKC", raised).replace("’", "'").replace("‘", "'")


def sentences(text: str) -> list[str]:
    """The sentences of a text in either language; a point inside a number ends none."""
    return [part.strip() for part in _END.split(text) if part.strip()]


def clauses(text: str, lang: Lang) -> list[str]:
    """The parts of a text in which a denial can reach: an enumeration keeps together."""
    found = [part for one in sentences(text) for part in _CLAUSE[lang].split(one)]
    return [part.strip() for part in found if part.strip()]


def _part(word: str, lang: Lang) -> str:
    if lang == "zh":
        return re.escape(word)
    body = re.escape(word).replace(r"\*", r"[\w-]*").replace(r"\ ", r"\s+")
    before = "" if word.startswith("*") else r"(?<!\w)" if word.isupper() else r"(?<!\w)(?<!\w-)"
    return rf"{before}{body if word.isupper() else f'(?i:{body})'}(?!\w)"
