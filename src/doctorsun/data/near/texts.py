"""Texts that say nearly the same: prints that estimate how many groups of words two texts share (MinHash).

A token is a Latin word, a number or one Han character: no language is named, and a text may mix them. Groups
of three tokens are hashed; a print keeps for each of 120 ways to hash 16 bits of the least hash (Broder
1997; Li and Koenig 2010). Texts that share a band of five are compared.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.distinct import Pairs, Places, across, distinct, unique, within

HASHES = 120
BAND = 5
PRINT_BYTES = 2 * HASHES
# The share of word groups in common (Jaccard) from which two texts are near.
NEAR = 0.7
# How many texts of one band each is compared with: bounds the work where thousands say much the same.
COMPARED = 48
_CHUNK_CHARS = 1 << 15
_BLOCK = 1 << 14
# Fewer texts than this are hashed all ways at once, which takes memory and spares calls.
_FEW = 4
_WORD, _HAN = 1, 2
_ODD = np.array((0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D), np.uint32)
_MANY = np.uint64(0x9E3779B97F4A7C15)
# Characters beyond the first plane: rare Han, and signs.
_BEYOND = 1 << 16


def text_print(text: str) -> bytes:
    """The print of a text, PRINT_BYTES long; of a text without a letter or number all zeros."""
    return bytes(text_prints([text])[0])


def text_prints(texts: Sequence[str]) -> NDArray[np.uint8]:
    """The prints [n, PRINT_BYTES] of many texts, the same bytes as one by one and much faster."""
    prints = np.zeros((len(texts), HASHES), np.uint16)
    chunk: list[str] = []
    start = size = 0
    for at, text in enumerate(texts):
        chunk.append(text)
        size += len(text)
        if size > _CHUNK_CHARS or at + 1 == len(texts):
            groups, of = _groups(chunk)
            first = _firsts(of)
            if len(first):
                prints[start + of[first]] = _least(groups, first)
            chunk, start, size = [], at + 1, 0
    return prints.view(np.uint8)


def near_texts(prints: NDArray[np.uint8], *, others: NDArray[np.uint8] | None = None) -> Pairs:
    """Pairs [p, 2] of places in prints [n, PRINT_BYTES] whose texts are near, the lower place first.

    With `others`, pairs of a place in `prints` and a place in `others`. Equal prints are each paired with the
    first of them, not with one another. An empty text pairs with none. Prints may lie on disk.
    """
    own = distinct(prints, _with_words(prints))
    if others is None:
        return within(own, _near_within(prints, own.first))
    theirs = distinct(others, _with_words(others))
    return across(own, theirs, _near_across(prints, own.first, others, theirs.first))


def _near_within(prints: NDArray[np.uint8], rows: Places) -> Pairs:
    """Near pairs of positions in some rows of prints."""
    found: list[Pairs] = []
    for band in range(HASHES // BAND):
        keys = _keys(prints, rows, band)
        order = np.argsort(keys)
        ranked = keys[order]
        again = ranked[1:] == ranked[:-1]
        shared = order[np.append(again, False) | np.append(False, again)] if len(order) else order
        shared = np.sort(shared)
        # Those that share the next band too come to lie side by side.
        shared = shared[np.lexsort((_keys(prints, rows[shared], band + 1), keys[shared]))]
        keys = keys[shared]
        for distance in range(1, min(COMPARED + 1, len(keys))):
            one = np.flatnonzero(keys[distance:] == keys[:-distance])
            if not len(one):
                break
            pairs = np.stack([shared[one], shared[one + distance]], axis=1)
            found.append(pairs[_alike(prints, rows[pairs[:, 0]], prints, rows[pairs[:, 1]])])
    return unique(found)


def _near_across(
    prints: NDArray[np.uint8], rows: Places, others: NDArray[np.uint8], other_rows: Places
) -> Pairs:
    """Near pairs of positions in some rows of two sets of prints."""
    found: list[Pairs] = []
    for band in range(HASHES // BAND):
        keys = _keys(prints, rows, band)
        order = np.argsort(keys, kind="stable")
        keys, asked = keys[order], _keys(others, other_rows, band)
        start, end = np.searchsorted(keys, asked), np.searchsorted(keys, asked, side="right")
        for distance in range(COMPARED):
            two = np.flatnonzero(start + distance < end)
            if not len(two):
                break
            pairs = np.stack([order[start[two] + distance], two], axis=1)
            found.append(pairs[_alike(prints, rows[pairs[:, 0]], others, other_rows[pairs[:, 1]])])
    return unique(found)


def _alike(
    prints: NDArray[np.uint8], ones: Places, others: NDArray[np.uint8], twos: Places
) -> NDArray[np.bool_]:
    """For each pair of rows whether the prints agree in a share of at least NEAR."""
    found = np.zeros(len(ones), np.bool_)
    for at in range(0, len(ones), _BLOCK):
        some = slice(at, at + _BLOCK)
        one, two = _numbers(prints[ones[some]]), _numbers(others[twos[some]])
        found[some] = (one == two).sum(axis=1) >= NEAR * HASHES
    return found


def _keys(prints: NDArray[np.uint8], rows: Places, band: int) -> NDArray[np.uint64]:
    """A number for each of some rows of prints that is equal where the five hashes of a band are."""
    start = 2 * (band * BAND % HASHES)
    keys = np.empty(len(rows), np.uint64)
    for at in range(0, len(rows), _BLOCK):
        hashes = _numbers(prints[rows[at : at + _BLOCK], start : start + 2 * BAND]).astype(np.uint64)
        mixed = hashes[:, 0]
        for column in hashes.T[1:]:
            mixed = (mixed ^ (mixed >> np.uint64(29))) * _MANY + column
        keys[at : at + _BLOCK] = mixed
    return keys


def _with_words(prints: NDArray[np.uint8]) -> Places:
    blocks = range(0, len(prints), _BLOCK)
    used = [at + np.flatnonzero(prints[at : at + _BLOCK].any(axis=1)) for at in blocks]
    return np.concatenate([np.zeros(0, np.int64), *used])


def _numbers(prints: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return np.ascontiguousarray(prints).view(np.uint16)


def _groups(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Places]:
    """Hashes of all groups of three tokens (of a shorter text: of all there are), and the text of each."""
    tokens, of = _tokens(texts)
    if not len(tokens):
        return np.zeros(0, np.uint32), of
    after = np.pad(tokens, (0, 2))
    text_after = np.pad(of, (0, 2), constant_values=-1)
    one_more, two_more = text_after[1:-1] == of, text_after[2:] == of
    groups = tokens * _ODD[0] + after[1:-1] * one_more * _ODD[1] + after[2:] * two_more * _ODD[2]
    used = two_more.copy()
    used[_firsts(of)] = True
    return _mixed(groups[used]), of[used]


def _tokens(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Places]:
    """A hash of each token, and the text it stands in."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) for text in texts])
    kinds, numbers = _alphabet()
    held = np.minimum(codes, _BEYOND)
    kind = kinds[held]
    begins = kind == _HAN
    word = kind == _WORD
    goes_on = np.append(False, word[:-1])[: len(word)]
    goes_on[ends[:-1][ends[:-1] < len(word)]] = False
    begins |= word & ~goes_on
    at = np.flatnonzero(begins | word)
    first = np.flatnonzero(begins[at])
    if not len(first):
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    letters = numbers[held[at]]
    if codes.max() >= _BEYOND:
        letters += codes[at] * (codes[at] >= _BEYOND)
    place = np.arange(len(at), dtype=np.uint32)
    place -= np.repeat(place[first], np.diff(first, append=len(at)))
    hashed = np.add.reduceat(letters * (2 * place + 1), first, dtype=np.uint32)
    until = np.searchsorted(at[first], ends)
    return hashed, np.repeat(np.arange(len(texts)), np.diff(until, prepend=0))


def _firsts(of: Places) -> Places:
    """Where another text begins."""
    return np.flatnonzero(np.append(True, of[1:] != of[:-1])[: len(of)])


def _least(groups: NDArray[np.uint32], first: Places) -> NDArray[np.uint16]:
    """For every text and every way to hash, 16 bits of the least hash among the groups of the text."""
    flips, factors = _ways()
    if len(first) < _FEW:
        every = (groups[:, None] ^ flips) * factors
        return np.minimum.reduceat(every, first, axis=0).astype(np.uint16)
    least = np.empty((HASHES, len(first)), np.uint16)
    hashed = np.empty_like(groups)
    for way in range(HASHES):
        np.bitwise_xor(groups, flips[way], out=hashed)
        np.multiply(hashed, factors[way], out=hashed)
        least[way] = np.minimum.reduceat(hashed, first)
    return least.T


def _mixed(hashed: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The same numbers stirred, so that none of their bits tells another (murmur3's last step)."""
    hashed ^= hashed >> np.uint32(16)
    hashed *= np.uint32(0x85EBCA6B)
    hashed ^= hashed >> np.uint32(13)
    hashed *= np.uint32(0xC2B2AE35)
    hashed ^= hashed >> np.uint32(16)
    return hashed


@cache
def _alphabet() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """For each character what it is (0 between tokens) and a number; one entry more for all others.

    Capitals and full-width forms have the number of the plain letter (NFKC, small letters).
    """
    plain = [unicodedata.normalize("NFKC", chr(code)).lower() for code in range(_BEYOND)]
    kinds = np.array([chr(code).isalnum() for code in range(_BEYOND)] + [True], np.uint8)
    for first, last in ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (_BEYOND, _BEYOND + 1)):
        kinds[first:last] = _HAN
    numbers = np.random.default_rng(0).integers(0, 2**32, _BEYOND + 1, np.uint32)
    same = [ord(word) if len(word) == 1 else code for code, word in enumerate(plain)]
    return kinds, numbers[np.minimum([*same, _BEYOND], _BEYOND)]


@cache
def _ways() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    made = np.random.default_rng(1).integers(0, 2**32, (2, HASHES), np.uint32)
    return made[0], made[1] | np.uint32(1)
