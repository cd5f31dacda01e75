"""The terms of the glossary in a text, and whether its translation uses wordings of the same terms.

Only things that have a settled wording are enforced: sides, sizes and places of the body are everyday words,
and so are short wordings that a term has among others (病灶, "line"). What says that all is well is left to
the rule of negations.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from doctorsun.core.schema import Lang
from doctorsun.core.strings import LANGUAGES
from doctorsun.language.cues import folded
from doctorsun.language.glossary import Term, glossary
from doctorsun.language.negation import denials

ENFORCED = frozenset({"modality", "diagnosis", "finding"})
_LATIN = re.compile(r"[\x00-\x7f]+")
_HEAD, _STEM = 2, 5
_SHORT_ZH, _SHORT_EN, _SHORTEST_EN = 2, 8, 4


@dataclass(frozen=True, slots=True)
class Named:
    """A term in a text: the words `found`, and its wordings in the other language, that of answers first."""

    found: str
    wordings: tuple[str, ...]
    modality: bool = False


def named(text: str, source: Lang, target: Lang) -> list[Named]:
    """The enforced terms of a text, each wording once, in the order they stand in."""
    matcher, owners = _lexicon(source)
    found = dict.fromkeys(_key(match[0]) for match in matcher.finditer(folded(text)))
    return [_named(words, owners[words], target) for words in found if words in owners]


def lost_term(source_text: str, target_text: str, source: Lang, target: Lang) -> str | None:
    """The first term of a text that its translation does not name, null where all are there."""
    plain = folded(target_text)
    terms = named(source_text, source, target)
    return next((term.found for term in terms if not pattern_of(term.wordings, target).search(plain)), None)


def pairs(source_text: str, source: Lang, target: Lang) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    """For each thing a text names a pattern of its words, and one of those that a translation may use."""
    return [
        (re.compile(_body(term.found, source)), pattern_of(term.wordings, target))
        for term in named(source_text, source, target)
        if not term.modality
    ]


def _named(words: str, terms: tuple[Term, ...], target: Lang) -> Named:
    wordings = dict.fromkeys(wording for term in terms for wording in _wordings(term, target))
    return Named(words, tuple(wordings), any(term.kind == "modality" for term in terms))


@cache
def pattern_of(wordings: tuple[str, ...], lang: Lang) -> re.Pattern[str]:
    """A pattern of wordings in a translation; their heads do as well ("effusion" of "pleural effusion").

    The head of a Chinese term is its last two characters, of an English one its last word without its ending.
    """
    parts = [_body(words, lang) for words in wordings]
    for words in wordings:
        if not _LATIN.fullmatch(words):
            parts.append(re.escape(words[-_HEAD:]))
        elif lang == "en" and len(head := words.split()[-1]) >= _SHORTEST_EN:
            parts.append(rf"(?<![A-Za-z])(?i:{re.escape(head[: max(_STEM, len(head) - 3)])})")
    return re.compile("|".join(parts))


@cache
def _lexicon(lang: Lang) -> tuple[re.Pattern[str], dict[str, tuple[Term, ...]]]:
    """A pattern of all wordings of enforced terms, the longest first, and whose they are."""
    owners: defaultdict[str, list[Term]] = defaultdict(list)
    for _, term in sorted(glossary().terms.items()):
        if term.kind in ENFORCED and not _denies(term):
            for words in _wordings(term, lang):
                if _settled(words, term, lang):
                    owners[_key(words)].append(term)
    ordered = sorted(owners, key=lambda words: (-len(words), words))
    return re.compile("|".join(_body(words, lang) for words in ordered)), {
        words: tuple(terms) for words, terms in owners.items()
    }


def _denies(term: Term) -> bool:
    found = (denials(words, lang) for lang in LANGUAGES for words in term.wordings(lang))
    return any(one.firm or one.states for one in found)


def _settled(words: str, term: Term, lang: Lang) -> bool:
    """Whether a wording means its term wherever it stands."""
    if not _LATIN.fullmatch(words):
        return len(words) > _SHORT_ZH or words in (term.zh, term.phrase_zh)
    if lang == "zh" or _key(words).isupper():
        return words not in ("US", "PA", "AP")
    first = words.lower() in (term.en.lower(), term.phrase_en.lower(), term.plural.lower())
    return " " in words or len(words) > (_SHORTEST_EN if first else _SHORT_EN)


def _wordings(term: Term, lang: Lang) -> tuple[str, ...]:
    plural = (term.plural,) if lang == "en" and term.plural else ()
    return (*term.wordings(lang), *plural)


def _key(words: str) -> str:
    """A wording as it is looked up: abbreviations keep their capitals ("US" is not "us")."""
    return words if re.fullmatch(r"[A-Z]{2,4}", words) else words.lower()


def _body(words: str, lang: Lang) -> str:
    if not _LATIN.fullmatch(words):
        return re.escape(words)
    body = re.escape(words) if _key(words).isupper() else f"(?i:{re.escape(words)})"
    plural = "(?:e?s)?" if lang == "en" and words[-1:].isalpha() else ""
    return rf"(?<![A-Za-z0-9]){body}{plural}(?![A-Za-z0-9])"
