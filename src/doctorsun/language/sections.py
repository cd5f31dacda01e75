"""The sections of a report, zh and en: findings, impression, history, comparison, technique, and the rest."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Literal

import yaml

from doctorsun.core.schema import Lang

Name = Literal["findings", "impression", "history", "comparison", "technique", "other"]
Question = Literal["impression", "conclude"]
NAMES: tuple[Name, ...] = ("findings", "impression", "history", "comparison", "technique", "other")
HEADINGS: dict[Lang, tuple[str, str, str]] = {
    "zh": ("检查所见：", "印象：", ""),
    "en": ("Findings:", "Impression:", " "),
}
_HAN = re.compile("[\u3400-\u9fff]")
_COLON = "[:：﹕]"
_OPEN, _CLOSE = "[【［〔「《]", "[】］〕」》]"
_BLANK = r"[ \t\u3000\xa0]"
_NUMBER = rf"(?:(?:[一二三四五六七八九十]{{1,2}}|\d{{1,2}}){_BLANK}*[、.．)）]{_BLANK}*)?"
_MARKS = rf"(?:{_BLANK}|[*#_>])*"
_ASIDE = r"(?:[(（][^()（）\n]{0,24}[)）])?"
# What may stand before a header inside a line: the end of a sentence or of a bracket, or a blank.
_INSIDE = r"(?<=[。；;！!？?）)】\]．.\s\u3000*])"


@dataclass(frozen=True, slots=True)
class Sections:
    """The text of each section without its header, "" where there is none; `other` is what has no place."""

    findings: str = ""
    impression: str = ""
    history: str = ""
    comparison: str = ""
    technique: str = ""
    other: str = ""

    def report(self, lang: Lang) -> str:
        """Findings and impression under their headers; without both, what stands under no known header."""
        found, said, gap = HEADINGS[lang]
        pairs = ((found, self.findings), (said, self.impression))
        parts = [f"{head}{gap}{text}" for head, text in pairs if text]
        return "\n".join(parts) or self.other


@dataclass(frozen=True, slots=True)
class _Header:
    start: int
    end: int
    name: Name


def sections(text: str, lang: Lang | None = None) -> Sections:
    """The sections of a report; "en" looks for English headers only, any other for both languages'.

    Chinese reports have English headers now and then. Without a header, all is `other`.
    """
    found = list(_headers(text, lang))
    stops = [*found, _Header(len(text), len(text), "other")]
    parts: dict[str, list[str]] = {name: [] for name in NAMES}
    parts["other"].append(text[: stops[0].start])
    for here, after in pairwise(stops):
        parts[here.name].append(text[here.end : after.start])
    return Sections(**{name: _joined(texts) for name, texts in parts.items()})


def language_of(text: str) -> Lang:
    """The language that a report is written in; one with Chinese sentences is Chinese, even if mixed."""
    letters = sum(char.isascii() and char.isalpha() for char in text)
    return "zh" if 8 * len(_HAN.findall(text)) > letters else "en"


def asked(question: Question, lang: Lang, *, seed: str, findings: str = "") -> str:
    """A question about a report, one of several wordings by `seed`; "conclude" holds the findings itself."""
    wordings: list[str] = _words()["ask"][question][lang]
    return random.Random(seed).choice(wordings).replace("{findings}", findings)


@cache
def _words() -> dict[str, Any]:
    text = resources.files("doctorsun.language").joinpath("words/sections.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _headers(text: str, lang: Lang | None) -> Iterator[_Header]:
    """The headers in order; where two begin together the longer one stands."""
    hits = sorted(_hits(text, lang), key=lambda hit: (hit.start, -hit.end))
    end = 0
    for hit in hits:
        if hit.start >= end:
            yield hit
            end = hit.end


def _hits(text: str, lang: Lang | None) -> Iterator[_Header]:
    langs: tuple[Lang, ...] = ("en",) if lang == "en" else ("zh", "en")
    for each in langs:
        known = _names(each)
        for pattern in _patterns(each):
            for found in pattern.finditer(text):
                yield _Header(found.start(), found.end(), known[_folded(found["h"])])


@cache
def _names(lang: Lang) -> dict[str, Name]:
    return {_folded(word): name for name in NAMES for word in _words()[name][lang]}


@cache
def _patterns(lang: Lang) -> tuple[re.Pattern[str], ...]:
    """Headers with a colon or in brackets, anywhere a sentence may begin; then those alone on their line."""
    every = sorted((str(word) for name in NAMES for word in _words()[name][lang]), key=len, reverse=True)
    sure = [word for word in every if word not in _words()["plain"][lang]]
    begun = rf"(?:^{_MARKS}|{_INSIDE}){_NUMBER}"
    ended = rf"{_BLANK}*{_ASIDE}[*_]*{_BLANK}*{_COLON}[*_]*"
    boxed = rf"{_OPEN}{_BLANK}*(?P<h>{_either(every, lang)}){_BLANK}*{_CLOSE}{_BLANK}*{_COLON}?"
    # What stands in the place of an identifier looks like [NAME].
    narrow = rf"^{_MARKS}[\[<]{_BLANK}*(?P<h>{_either(sure, lang)}){_BLANK}*[\]>]{_BLANK}*{_COLON}?"
    forms = [
        rf"{begun}(?P<h>{_either(every, lang, inside=True)}){ended}",
        rf"^{_MARKS}{_NUMBER}(?P<h>{_either(every, lang)}){ended}",
        boxed,
        narrow,
        rf"^{_MARKS}{_NUMBER}(?P<h>{_either(sure, lang)}){_BLANK}*{_ASIDE}[*_]*{_BLANK}*$",
    ]
    if lang == "zh":
        forms.append(rf"^{_MARKS}{_NUMBER}(?P<h>{_either(sure, lang)})(?:\t|\u3000|  ){_BLANK}*")
    return tuple(re.compile(form, re.MULTILINE) for form in forms)


def _either(words: list[str], lang: Lang, *, inside: bool = False) -> str:
    """One of the words. Inside a line an English header begins with a capital letter."""
    if lang == "zh":
        return "|".join(f"{_BLANK}{{0,4}}".join(map(re.escape, word)) for word in words)
    return "|".join(_english(word, inside=inside) for word in words)


def _english(word: str, *, inside: bool) -> str:
    spaced = r"[ \t]+".join(map(re.escape, word.split()))
    rest = rf"(?i:{spaced[1:]})(?:\(S\)|\(s\))?"
    return (word[0].upper() if inside else rf"(?i:{word[0]})") + rest


def _folded(word: str) -> str:
    bare = re.sub(r"\((?:s|S)\)$", "", word)
    return re.sub(r"[\s\u3000]+", "", bare).lower()


def _joined(texts: list[str]) -> str:
    return "\n".join(filter(None, (text.strip(" \t\r\n\u3000*_#") for text in texts)))
