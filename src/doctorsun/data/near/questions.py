"""The print of a question: its words, exact and near, its answer, and the terms that any language shares."""

import hashlib
import re
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.texts import PRINT_BYTES, near_texts, text_print
from doctorsun.language.glossary import glossary

EXACT_BYTES = 8
TERMS = 16
QUESTION_BYTES = 2 * EXACT_BYTES + PRINT_BYTES + 2 * TERMS
# Fewer shared terms and numbers say nothing: many questions have three in common.
LEAST_TERMS = 4
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ABBREVIATION = re.compile(r"(?<![A-Za-z])[A-Z][A-Z0-9]+(?![A-Za-z])")
_BLOCK = 1 << 14
_TERMS_AT = 2 * EXACT_BYTES + PRINT_BYTES


def question_print(question: str, *, answer: str = "") -> bytes:
    """The print of a question in any language and its answer, QUESTION_BYTES long."""
    terms = np.zeros(TERMS, np.uint16)
    found = sorted({_number_of(term) for term in terms_of(question)})[:TERMS]
    terms[: len(found)] = found
    return _exact(question) + _exact(answer) + text_print(question) + terms.tobytes()


def terms_of(text: str) -> set[str]:
    """What a translation keeps: numbers, abbreviations, and the glossary's terms by id."""
    plain = unicodedata.normalize("NFKC", text)
    pattern, ids = _wordings()
    named = {ids[(match["latin"] or match["han"]).lower()] for match in pattern.finditer(plain)}
    numbers = {f"{float(number):g}" for number in _NUMBER.findall(plain)}
    short = {word for word in _ABBREVIATION.findall(plain) if word.lower() not in ids}
    return named | numbers | short


def words_of(questions: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """For each question print [n, QUESTION_BYTES] a number that tells its exact words."""
    return np.ascontiguousarray(questions[:, :EXACT_BYTES]).view(np.uint64)[:, 0]


def answers_of(questions: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """For each question print a number that tells the exact words of its answer."""
    return np.ascontiguousarray(questions[:, EXACT_BYTES : 2 * EXACT_BYTES]).view(np.uint64)[:, 0]


def near_questions(questions: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs [p, 2] of question prints whose words are near."""
    part = slice(2 * EXACT_BYTES, _TERMS_AT)
    return near_texts(questions[:, part], others=others[:, part])


def same_terms(questions: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs [p, 2] of question prints with the same terms and numbers, one more or less on either side.

    At least four; a question pairs with one of `others` once, whatever number it fits.
    """
    asked, which = _term_keys(others)
    order = np.argsort(asked, kind="stable")
    asked, which = asked[order], which[order]
    pairs = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(questions) if len(asked) else 0, _BLOCK):
        for keys in _keys_by_turn(questions[start : start + _BLOCK]):
            place = np.searchsorted(asked, keys).clip(0, len(asked) - 1)
            hit = np.flatnonzero((asked[place] == keys) & (keys != 0))
            pairs.append(np.stack([hit + start, which[place[hit]]], axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def _term_keys(questions: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    columns = list(_keys_by_turn(questions))
    keys = np.concatenate(columns)
    which = np.tile(np.arange(len(questions)), len(columns))
    return keys[keys != 0], which[keys != 0]


def _keys_by_turn(questions: NDArray[np.uint8]) -> list[NDArray[np.uint64]]:
    """A number for all terms of each question, then for all but one, each in its turn; 0 where too few."""
    terms = np.ascontiguousarray(questions[:, _TERMS_AT:]).view(np.uint16).astype(np.uint64)
    hashed = (terms ^ np.uint64(0x5BD1)) * np.uint64(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> np.uint64(31))) * np.uint64(0xC2B2AE3D27D4EB4F) * (terms > 0)
    number = (terms > 0).sum(axis=1)
    whole = hashed.sum(axis=1, dtype=np.uint64)
    columns = [np.where(number >= LEAST_TERMS, whole, 0).astype(np.uint64)]
    for turn in range(TERMS):
        enough = (number > LEAST_TERMS) & (terms[:, turn] > 0)
        columns.append(np.where(enough, whole - hashed[:, turn], 0).astype(np.uint64))
    return columns


def _exact(text: str) -> bytes:
    """A digest of the words, whatever their spaces, stops, capitals and width."""
    words = re.sub(r"\W+", "", unicodedata.normalize("NFKC", text).lower())
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=EXACT_BYTES).digest()


def _number_of(term: str) -> int:
    digest = hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=2).digest()
    return max(int.from_bytes(digest, "little"), 1)


@cache
def _wordings() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of every wording of the glossary in both languages, the long ones first, and their ids."""
    ids: dict[str, str] = {}
    for name, term in sorted(glossary().terms.items()):
        for lang in ("en", "zh"):
            for wording in (*term.wordings(lang), *([term.plural] if lang == "en" and term.plural else [])):
                ids.setdefault(wording.lower(), name)
    words = sorted(ids, key=lambda word: (-len(word), word))
    latin, han = (
        "|".join(re.escape(word) for word in words if word.isascii() is plain) for plain in (True, False)
    )
    pattern = rf"(?<![a-z])(?P<latin>{latin})(?:s|es)?(?![a-z])|(?P<han>{han})"
    return re.compile(pattern, re.IGNORECASE), ids
