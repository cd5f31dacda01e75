"""Rows of bytes without repetition: equal ones are found by digests before anything is compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Pairs = NDArray[np.int64]
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Distinct:
    """Different rows: `digests` [d] and `first` places [d]; `which` [p] stands in each of `places` [p]."""

    digests: NDArray[np.uint64]
    first: Places
    places: Places
    which: Places

    @property
    def equal(self) -> Pairs:
        """Every place that repeats an earlier one, with that first one before it."""
        pairs = np.stack([self.first[self.which], self.places], axis=1)
        return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])

    def members(self, which: Places) -> tuple[Places, Places]:
        """All places of some rows, and the position in `which` that each belongs to."""
        order = np.argsort(self.which, kind="stable")
        start = np.searchsorted(self.which[order], which)
        number = np.searchsorted(self.which[order], which, side="right") - start
        position = np.repeat(np.arange(len(which)), number)
        within = np.arange(len(position)) - np.repeat(np.cumsum(number) - number, number)
        return self.places[order[start[position] + within]], position


def distinct(rows: NDArray[np.uint8], places: Places) -> Distinct:
    """The different rows among some places of rows [n, length], in the order of their first places."""
    blocks = (rows[places[at : at + _BLOCK]] for at in range(0, len(places), _BLOCK))
    digests = np.concatenate([np.zeros(0, np.uint64), *(_digests(block) for block in blocks)])
    names, first, which = np.unique(digests, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return Distinct(names[order], places[first[order]], places, rank[which])


def across(own: Distinct, theirs: Distinct, near: Pairs) -> Pairs:
    """Places of both sides that are equal or `near` (pairs of positions in `first`).

    Every place of either side that has its like on the other is in a pair: equal places of one side are each
    paired with the first of the other, not with all of them.
    """
    _, mine, yours = np.intersect1d(own.digests, theirs.digests, assume_unique=True, return_indices=True)
    pairs = unique([np.stack([mine, yours], axis=1), near])
    left, of_left = own.members(pairs[:, 0])
    right, of_right = theirs.members(pairs[:, 1])
    return unique(
        [
            np.stack([left, theirs.first[pairs[of_left, 1]]], axis=1),
            np.stack([own.first[pairs[of_right, 0]], right], axis=1),
        ]
    )


def within(own: Distinct, near: Pairs) -> Pairs:
    """Places of one side that are equal or `near` (pairs of positions in `first`), the lower place first."""
    return unique([own.equal, np.sort(own.first[near], axis=1)])


def clusters(pairs: Pairs, count: int) -> Places:
    """For each of `count` places the lowest place that it is connected with by pairs."""
    lowest = np.arange(count)
    one, two = pairs.T
    while True:
        before = lowest.copy()
        lower = np.minimum(lowest[one], lowest[two])
        np.minimum.at(lowest, one, lower)
        np.minimum.at(lowest, two, lower)
        lowest = lowest[lowest]
        if np.array_equal(lowest, before):
            return lowest


def unique(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of some lists, each once, sorted."""
    return np.unique(np.concatenate([np.zeros((0, 2), np.int64), *parts]), axis=0)


def _digests(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """One number a row [n, length], the same for equal rows; for unequal ones in 2^64 cases one at most."""
    words = np.ascontiguousarray(rows).view(np.uint64)
    factors = np.random.default_rng(words.shape[1]).integers(0, 2**64, words.shape[1], np.uint64) | np.uint64(
        1
    )
    mixed = (words ^ (words >> np.uint64(31))) * factors
    mixed ^= mixed >> np.uint64(29)
    total = (mixed * factors[::-1]).sum(axis=1, dtype=np.uint64)
    return np.asarray(total, np.uint64)
