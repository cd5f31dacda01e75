"""The sides that a text speaks of, and whether a translation kept them. Words: `words/sides.yaml`.

What is not seen: two sides that both stand in one sentence and changed places.
"""

import re
from dataclasses import dataclass
from functools import cache

from doctorsun.core.schema import Lang
from doctorsun.language.cues import any_of, folded, pattern, sentences, word_file

_FILE = "sides.yaml"
_BOTH = frozenset({"left", "right"})
# An organ stands behind its side, with no more words between ("left lower lung", "right 5th and 6th ribs").
_REACH = r"(?:[-\s,/]+[\w-]+){0,3}?[-\s,/]+"


@dataclass(frozen=True, slots=True)
class Sides:
    """Single sides that a text may name (`named`) and names for certain (`firm`); the same of both sides."""

    named: frozenset[str]
    firm: frozenset[str]
    both_named: bool
    both_firm: bool


def sides(text: str, lang: Lang) -> Sides:
    """The sides of a text."""
    plain = folded(text)
    rest = _aside(plain, lang)
    both_firm = _found("certain_both", rest, lang)
    if both_firm:
        rest = pattern(_FILE, lang, "certain_both").sub("|", rest)
    firm = frozenset(name for name in sorted(_BOTH) if _certain(name, rest, lang))
    named = firm | frozenset(name for name in sorted(_BOTH) if _found(name, rest, lang))
    both_named = both_firm or any(_found(name, plain, lang) for name in ("both", "pairs"))
    return Sides(named, firm, both_named, both_firm)


def side_changed(source: str, target: str, *, source_lang: Lang, target_lang: Lang) -> bool:
    """Whether a side was lost, added or flipped; sentence by sentence where there are equally many."""
    here, there = sentences(source), sentences(target)
    pairs = list(zip(here, there, strict=True)) if len(here) == len(there) else []
    for one, other in [(source, target), *pairs]:
        before, after = sides(one, source_lang), sides(other, target_lang)
        if _lost(before, after) or _lost(after, before):
            return True
    return False


def _lost(some: Sides, others: Sides) -> bool:
    """Whether what one text says for certain cannot be in the other."""
    if some.firm == _BOTH and others.both_named:
        return False
    if some.both_firm and not others.both_named and others.named != _BOTH:
        return True
    return not some.firm <= others.named


def _certain(name: str, text: str, lang: Lang) -> bool:
    if _found(f"certain_{name}", text, lang):
        return True
    if lang == "zh":
        return _found(name, text, lang)
    return bool(_with_organ(name).search(text))


def _aside(text: str, lang: Lang) -> str:
    return pattern(_FILE, lang, "aside").sub("|", text) if word_file(_FILE)[lang]["aside"] else text


def _found(name: str, text: str, lang: Lang) -> bool:
    return bool(word_file(_FILE)[lang][name]) and bool(pattern(_FILE, lang, name).search(text))


@cache
def _with_organ(name: str) -> re.Pattern[str]:
    words = word_file(_FILE)["en"]
    side, organ = any_of(words[name], "en").pattern, any_of(words["organs"], "en").pattern
    return re.compile(rf"(?:{side}){_REACH}(?:{organ})")
