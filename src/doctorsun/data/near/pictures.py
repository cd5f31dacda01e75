"""Pictures that show the same, exactly or altered: hashes propose, registered correlation confirms."""

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.distinct import Distinct, Pairs, Places, across, distinct, unique, within
from doctorsun.data.near.hashes import index, propose
from doctorsun.data.near.looks import can_pair, thumbnails
from doctorsun.data.near.registration import show_the_same

_BLOCK = 256


def confirmed_pairs(looks: NDArray[np.uint8], *, others: NDArray[np.uint8] | None = None) -> Pairs:
    """Pairs [p, 2] of places in looks [n, LOOK_BYTES] whose pictures show the same, the lower place first.

    With `others`, pairs of a place in `looks` and a place in `others`. Equal looks are each paired with the
    first of them, not with one another; every picture that has its like is in a pair. No pair follows from
    two others. Looks may lie on disk: about 250 bytes a picture are held beside them.
    """
    own = _distinct(looks)
    if others is None:
        return within(own, _near(looks, own.first, looks, own.first))
    theirs = _distinct(others)
    back = _near(others, theirs.first, looks, own.first)[:, ::-1]
    return across(own, theirs, unique([_near(looks, own.first, others, theirs.first), back]))


def _near(asking: NDArray[np.uint8], asking_rows: Places, known: NDArray[np.uint8], rows: Places) -> Pairs:
    """Confirmed pairs of positions in both lists of rows; a row is never paired with itself."""
    found: list[Pairs] = []
    table = index(known, rows)
    for start in range(0, len(asking_rows) if len(rows) else 0, _BLOCK):
        thumbs = thumbnails(asking[asking_rows[start : start + _BLOCK]])
        proposed = propose(thumbs, table)
        if asking is known:
            proposed = proposed.some(np.flatnonzero(proposed.one + start != proposed.two))
        for at in range(0, len(proposed.one), _BLOCK):
            some = proposed.some(np.arange(at, min(at + _BLOCK, len(proposed.one))))
            same = show_the_same(thumbs[some.one], thumbnails(known[rows[some.two]]), some.start)
            found.append(np.stack([some.one[same] + start, some.two[same]], axis=1))
    return unique(found)


def _distinct(looks: NDArray[np.uint8]) -> Distinct:
    """The different looks among those that can pair."""
    blocks = range(0, len(looks), _BLOCK)
    usable = [at + np.flatnonzero(can_pair(looks[at : at + _BLOCK])) for at in blocks]
    return distinct(looks, np.concatenate([np.zeros(0, np.int64), *usable]))
