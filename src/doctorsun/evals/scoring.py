"""The strict protocol: what a reply says, and what that is worth, from a row of predictions alone.

A closed answer is read as a label and compared with the reference's label; a choice is read as the letter of
one option. What cannot be read has a null mark and is counted apart; a choice whose reference names no option
has no marks at all. Words are compared as bags of tokens, so saying a word twice buys nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from doctorsun.core.schema import Lang
from doctorsun.evals.predictions import STRICT, Prediction, unscored
from doctorsun.language.answers import plain, read_answer, read_letter
from doctorsun.language.glossary import glossary
from doctorsun.language.tokens import normal, tokens


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many tokens two texts share, each counted as often as both hold it."""

    precision: float
    recall: float
    f1: float


def score(row: Prediction) -> Prediction:
    """The row with what was read and its marks; what it held before is replaced."""
    row = unscored(row)
    if row.kind == "choice":
        right = read_letter(row.reference, row.choices, row.lang)
        read = read_letter(row.reply, row.choices, row.lang)
        return row if right is None else _with_label(row, read, right)
    if row.kind == "closed" and row.label is not None:
        return _with_label(row, read_answer(row.reply, row.allowed, row.lang), row.label)
    reply, reference = _comparable(row.reply, row.lang), _comparable(row.reference, row.lang)
    if row.kind == "closed":
        return _with_label(row, reply or None, reference)
    f1 = overlap(tokens(row.reply, row.lang), tokens(row.reference, row.lang)).f1
    f1_word = overlap(words(row.reply, row.lang), words(row.reference, row.lang)).f1
    same = float(reply == reference)
    if not tokens(row.reference, row.lang):
        f1 = f1_word = same
    return replace(row, extracted=reply or None, marks={STRICT: same}, f1=f1, f1_word=f1_word)


def overlap(reply: Sequence[str], reference: Sequence[str]) -> Overlap:
    """Precision, recall and F1 of a reply's tokens; all 0 where nothing is shared."""
    shared = sum((Counter(reply) & Counter(reference)).values())
    if shared == 0:
        return Overlap(0.0, 0.0, 0.0)
    precision, recall = shared / len(reply), shared / len(reference)
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall))


def words(text: str, lang: Lang) -> list[str]:
    """Tokens with the glossary's Chinese wordings as one token each, the longest first; English as it is."""
    found = tokens(text, lang)
    if lang == "en":
        return found
    joined = "".join(f"{token}\x1f" for token in found)
    return [re.sub("\x1f", "", match[0]) for match in _zh_words().finditer(joined)]


@cache
def _zh_words() -> re.Pattern[str]:
    wordings = {
        tuple(tokens(word, "zh")) for term in glossary().terms.values() for word in term.wordings("zh")
    }
    longer = sorted((wording for wording in wordings if len(wording) > 1), key=lambda one: (-len(one), one))
    parts = ["".join(f"{re.escape(token)}\x1f" for token in wording) for wording in longer]
    return re.compile("|".join([*parts, "[^\x1f]+\x1f"]))


def _with_label(row: Prediction, read: str | None, right: str) -> Prediction:
    mark = None if read is None else float(read == right)
    return replace(row, extracted=read, marks={STRICT: mark})


def _comparable(text: str, lang: Lang) -> str:
    """The text as exact match compares it; an answer that is all article ("A") keeps it."""
    return normal(text, lang) or plain(text)
