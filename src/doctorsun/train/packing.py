"""Samples -> full rows. Samples of one picture share its tokens; no sample sees anything else of another.

Shapes: L tokens in all, T learnt tokens, S tokens of pictures.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
LENGTH_STEP = 128
_PAD_BLOCK = 16


@dataclass(frozen=True)
class Piece:
    """One encoded sample. Its first `prefix` tokens end with the last picture's tokens; 0 without pictures.

    `pictures` are the SHA-256 of its pictures in order, `starts` where the tokens of each begin.
    """

    id: str
    ids: Ints
    learnt: NDArray[np.bool_]
    pictures: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    prefix: int = 0

    @property
    def tail(self) -> int:
        """The number of tokens behind the prefix."""
        return len(self.ids) - self.prefix

    @cached_property
    def shares_with(self) -> tuple[tuple[str, ...], bytes] | None:
        """What must be equal for two pieces to share a prefix; null where there is none to share."""
        return (self.pictures, self.ids[: self.prefix].tobytes()) if self.prefix else None


@dataclass
class Group:
    """Pieces with one and the same prefix, which is stored once, or one piece without a prefix.

    `view` tells variants of a picture apart: pieces of one group see the same one.
    """

    pieces: list[Piece]
    view: int = 0

    @property
    def tokens(self) -> int:
        """The room it takes in a row."""
        return self.pieces[0].prefix + sum(piece.tail for piece in self.pieces)


@dataclass
class Row:
    """Groups that lie one behind the other in one row."""

    groups: list[Group] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """How full it is."""
        return sum(group.tokens for group in self.groups)

    @property
    def pieces(self) -> list[Piece]:
        """The samples in it."""
        return [piece for group in self.groups for piece in group.pieces]


@dataclass(frozen=True, slots=True)
class Block:
    """`length` tokens from `start` on that see those before them in it, and `prefix` tokens elsewhere."""

    start: int
    length: int
    prefix_start: int = 0
    prefix: int = 0


@dataclass(frozen=True)
class Packed:
    """Rows laid one behind the other, and then padding up to a length that many steps share.

    New shapes cost a CPU memory and time: its library compiles a product for each and keeps it.

    `before_T` is where the token before a learnt one stands, `targets_T` the learnt token, `piece_T` the
    number of its piece. `views` are the pictures in the order of their places, `slots_S` where their
    tokens stand.
    """

    ids_L: Ints
    positions_L: Ints
    blocks: list[Block]
    before_T: Ints
    targets_T: Ints
    piece_T: Ints
    views: list[tuple[str, int]]
    slots_S: Ints
    pieces: list[Piece]


def group_pieces(pieces: Sequence[Piece], *, room: int) -> list[Group]:
    """The groups that some pieces make, each of at most `room` tokens if it holds more than one."""
    groups: list[Group] = []
    growing: dict[tuple[tuple[str, ...], bytes], Group] = {}
    for piece in pieces:
        key = piece.shares_with
        found = growing.get(key) if key else None
        if found and found.tokens + piece.tail <= room:
            found.pieces.append(piece)
            continue
        groups.append(Group([piece]))
        if key:
            growing[key] = groups[-1]
    return groups


def fill_steps(groups: Iterable[Group], *, rows: int, row_tokens: int) -> Iterator[list[Row]]:
    """Steps of at most `rows` rows: each group goes to the first row with room, in the order given.

    A group that fits nowhere comes first in the next step; smaller ones behind it fill the gaps.
    """
    source = iter(groups)
    waiting: list[Group] = []
    enough = (rows + 2) * row_tokens
    while True:
        for group in source:
            waiting.append(group)
            if sum(one.tokens for one in waiting) >= enough:
                break
        if not waiting:
            return
        step: list[Row] = []
        waiting = [group for group in waiting if not _place(group, step, rows=rows, row_tokens=row_tokens)]
        yield step


def _place(group: Group, step: list[Row], *, rows: int, row_tokens: int) -> bool:
    """Whether a step had room for a group and now holds it; an empty row takes a group of any length."""
    row = next((row for row in step if row.tokens + group.tokens <= row_tokens), None)
    if row is None:
        if len(step) == rows:
            return False
        row = Row()
        step.append(row)
    row.groups.append(group)
    return True


def pack(rows: Sequence[Row], *, image_tokens: int, room: int = 0) -> Packed:
    """The arrays of some rows, as long as `room` where they nearly fill it."""
    ids: list[Ints] = []
    positions: list[Ints] = []
    blocks: list[Block] = []
    learnt: list[tuple[int, int, int]] = []
    views: list[tuple[str, int]] = []
    slots: list[int] = []
    pieces: list[Piece] = []
    start = 0
    for group in (group for row in rows for group in row.groups):
        first = group.pieces[0]
        prefix = first.prefix if len(group.pieces) > 1 else 0
        views += [(picture, group.view) for picture in first.pictures]
        for at in first.starts:
            slots += range(start + at, start + at + image_tokens)
        if prefix:
            ids.append(first.ids[:prefix])
            positions.append(np.arange(prefix))
            blocks.append(Block(start, prefix))
        here = start + prefix
        for piece in group.pieces:
            length = len(piece.ids) - prefix
            ids.append(piece.ids[prefix:])
            positions.append(np.arange(prefix, len(piece.ids)))
            blocks.append(Block(here, length, start, prefix))
            places = np.concatenate([start + np.arange(prefix), here + np.arange(length)])
            learnt += [
                (int(places[token - 1]), int(piece.ids[token]), len(pieces))
                for token in np.flatnonzero(piece.learnt)
            ]
            pieces.append(piece)
            here += length
        start = here
    spare = _padding(start, room)
    ids.append(np.zeros(spare, np.int64))
    positions.append(np.zeros(spare, np.int64))
    blocks += [
        Block(at, min(_PAD_BLOCK, start + spare - at)) for at in range(start, start + spare, _PAD_BLOCK)
    ]
    before, targets, owner = np.array(learnt, np.int64).reshape(-1, 3).T
    ids_L, positions_L = np.concatenate(ids).astype(np.int64), np.concatenate(positions)
    return Packed(
        ids_L, positions_L, blocks, before, targets, owner, views, np.array(slots, np.int64), pieces
    )


def _padding(tokens: int, room: int) -> int:
    """How many tokens to add: up to `room` where little is wanting, else to the next round length."""
    if not tokens:
        return LENGTH_STEP
    return room - tokens if 0.9 * room <= tokens <= room else -tokens % LENGTH_STEP
