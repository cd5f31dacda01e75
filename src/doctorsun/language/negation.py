"""Whether a translation denies what its source denies. Words: `words/negation.yaml`.

What is not seen: a denial that moved from one thing to another inside one sentence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from doctorsun.core.schema import Lang
from doctorsun.language.cues import clauses, folded, pattern, sentences

_FILE = "negation.yaml"
Terms = Sequence[tuple[re.Pattern[str], re.Pattern[str]]]


@dataclass(frozen=True, slots=True)
class Denials:
    """How often a text denies: `firm` ones need a partner, `soft` ones ("indeterminate") may be one.

    `states` are words that a thing is well; `listed` tells that one denial covers several things.
    """

    firm: int
    soft: int
    states: int
    listed: bool = False


def denials(text: str, lang: Lang) -> Denials:
    """The denials of a text."""
    rest = pattern(_FILE, lang, "plain").sub("|", folded(text))
    rest, aside = pattern(_FILE, lang, "aside").subn("|", rest)
    rest, states = pattern(_FILE, lang, "states").subn("|", rest)
    rest, firm = pattern(_FILE, lang, "firm").subn("\0", rest)
    soft = aside + len(pattern(_FILE, lang, "soft").findall(rest))
    listed = firm > 0 and bool(pattern(_FILE, lang, "lists").search(rest.partition("\0")[2]))
    return Denials(firm, soft, states, listed)


def denial_changed(
    source: str, target: str, *, source_lang: Lang, target_lang: Lang, terms: Terms = ()
) -> bool:
    """Whether a denial was lost or added: sentence by sentence where there are equally many, else in all.

    `terms` are patterns of one thing in both languages: it is denied in both or in neither.
    """
    here = [denials(one, source_lang) for one in sentences(source)]
    there = [denials(one, target_lang) for one in sentences(target)]
    if len(here) == len(there):
        pairs = zip(here, there, strict=True)
        if any(_lost(one, other) or _lost(other, one) for one, other in pairs):
            return True
    elif _far(_sum(here), _sum(there)):
        return True
    return any(
        _opposed(
            _denied(before, clauses(source, source_lang), source_lang),
            _denied(after, clauses(target, target_lang), target_lang),
        )
        for before, after in terms
    )


def _lost(some: Denials, others: Denials) -> bool:
    """Whether one text denies more than the words of the other can stand for."""
    if others.listed and some.firm > 1:
        return False
    return some.firm > others.firm + others.soft + max(others.states - some.states, 0)


def _far(one: Denials, other: Denials) -> bool:
    """Whether two whole texts deny so differently that joined or split sentences do not explain it."""
    more, less = sorted((one, other), key=lambda found: found.firm, reverse=True)
    slack = max(more.firm // 3, 1) if less.firm else 0
    return more.firm > less.firm + less.soft + max(less.states - more.states, 0) + slack


def _sum(found: Sequence[Denials]) -> Denials:
    return Denials(*(sum(getattr(one, name) for one in found) for name in ("firm", "soft", "states")))


def _denied(thing: re.Pattern[str], parts: Sequence[str], lang: Lang) -> list[bool]:
    """Of each clause that names a thing, whether it denies."""
    return [denials(part, lang).firm > 0 for part in parts if thing.search(folded(part))]


def _opposed(some: Sequence[bool], others: Sequence[bool]) -> bool:
    """Whether one text denies a thing wherever it names it, and the other nowhere."""
    return bool(some) and bool(others) and all(some) != all(others) and any(some) != any(others)
