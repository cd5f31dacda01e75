"""Whether a translation says what its source says: rules, each with the name of its fault; and agreement."""

import re
from collections import Counter
from collections.abc import Sequence

from doctorsun.core.schema import Lang
from doctorsun.data.translation.passing import letters
from doctorsun.data.translation.terms import lost_term, pairs
from doctorsun.language.laterality import side_changed
from doctorsun.language.negation import denial_changed
from doctorsun.language.numbers import lost_numbers
from doctorsun.language.tokens import tokens

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"\b[a-z]{4,}\b")
# English characters for one Chinese character: 3 to 4 in reports and instructions.
_LEAST_RATIO, _MOST_RATIO, _LONG = 1.0, 10.0, 24
_TELLING = 4


def fault(source: str, target: str, lang: Lang, into: Lang) -> str | None:
    """The key of what is wrong with the translation of one string, null where nothing is."""
    found = (
        ("data.translation_language", lambda: _foreign(source, target, into)),
        ("data.translation_length", lambda: _far(source, target, into)),
        ("data.translation_letters", lambda: letters(source) != letters(target)),
        (
            "data.translation_numbers",
            lambda: lost_numbers(source, target, source_lang=lang, target_lang=into),
        ),
        (
            "data.translation_laterality",
            lambda: side_changed(source, target, source_lang=lang, target_lang=into),
        ),
        (
            "data.translation_negation",
            lambda: denial_changed(
                source, target, source_lang=lang, target_lang=into, terms=pairs(source, lang, into)
            ),
        ),
        ("data.translation_glossary", lambda: lost_term(source, target, lang, into)),
    )
    return next((key for key, wrong in found if wrong()), None)


def agreement(source: Sequence[str], back: Sequence[str], lang: Lang) -> float:
    """F1 of the tokens of a text and of its translation back; 1 where a text is too short to tell."""
    here, there = (Counter(token for one in words for token in tokens(one, lang)) for words in (source, back))
    if here.total() < _TELLING:
        return 1.0
    shared = (here & there).total()
    return 2 * shared / (here.total() + there.total())


def _foreign(source: str, target: str, into: Lang) -> bool:
    """Whether words are not of their language; a name or an abbreviation may stay as it is."""
    if not target.strip():
        return True
    if into == "en":
        return bool(_HAN.search(target))
    return not _HAN.search(target) and bool(_WORD.search(source))


def _far(source: str, target: str, into: Lang) -> bool:
    """Whether a translation is too long or too short to be one."""
    if max(len(source), len(target)) < _LONG:
        return False
    english, chinese = (target, source) if into == "en" else (source, target)
    ratio = len(english) / max(len(chinese), 1)
    return not _LEAST_RATIO <= ratio <= _MOST_RATIO
