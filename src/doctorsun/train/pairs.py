"""Preference pairs as training reads them: two answers to one prompt, which is read once for both."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import TrainError
from doctorsun.core.schema import Message, Part
from doctorsun.data.dataset import Meta
from doctorsun.model.encode import Encoded, Encoder
from doctorsun.train.corpus import Corpus, Entry, refuse_too_long
from doctorsun.train.originals import Originals
from doctorsun.train.packing import Group, Piece, Row, fill_steps
from doctorsun.train.recipe import StageConfig
from doctorsun.train.schedule import epochs_of


@dataclass(frozen=True, slots=True)
class Pair:
    """The better answer and the rejected one, in this order in every row; both begin with the prompt."""

    chosen: Piece
    rejected: Piece

    @property
    def id(self) -> str:
        """The id of the sample."""
        return self.chosen.id


class Pairs:
    """Encoded pairs of a corpus by row, each encoded once; what is learnt of each is the last answer alone.

    Both halves have the same `prefix`: all tokens before the first that differs or is learnt, pictures
    among them. `originals` are the pictures of a model for which their sizes count.
    """

    def __init__(
        self, corpus: Corpus, encoder: Encoder, *, context: int, originals: Originals | None = None
    ) -> None:
        self._corpus = corpus
        self._encoder = encoder
        self._context = context
        self._originals = originals
        self._known: dict[int, Pair] = {}

    def __getitem__(self, row: int) -> Pair:
        """The pair of one row; TrainError if a half is too long for the model or teaches nothing."""
        if row not in self._known:
            self._known[row] = self._encode(self._corpus.entries[row])
        return self._known[row]

    def _encode(self, entry: Entry) -> Pair:
        assert entry.rejected is not None
        worse = Message("assistant", (Part("text", entry.rejected),))
        sizes = self._originals.sizes_of(entry.pictures) if self._originals else None
        halves = [
            self._encoder.encode(messages, where=entry.id, sizes=sizes)
            for messages in (entry.messages, (*entry.messages[:-1], worse))
        ]
        for half in halves:
            refuse_too_long(entry, half, self._encoder, context=self._context)
            if not any(half.mask):
                raise TrainError("train.nothing_to_learn", where=entry.id)
        learnt = [_last_answer(half) for half in halves]
        prefix = min(
            _shared(halves[0].ids, halves[1].ids), *(int(np.flatnonzero(each)[0]) for each in learnt)
        )
        chosen, rejected = (
            Piece(
                id=entry.id,
                ids=np.array(half.ids, np.int32),
                learnt=each,
                pictures=entry.pictures,
                starts=tuple(half.image_starts),
                prefix=prefix,
            )
            for half, each in zip(halves, learnt, strict=True)
        )
        return Pair(chosen, rejected)


def pair_steps(metas: Sequence[Meta], pairs: Pairs, stage: StageConfig, *, seed: int) -> Iterator[list[Row]]:
    """The rows of each step; a pair is never parted."""
    chosen = (pairs[row] for _, rows in epochs_of(metas, stage, seed=seed) for row in rows)
    return pair_rows(chosen, rows=stage.rows, row_tokens=stage.row_tokens)


def pair_rows(pairs: Iterable[Pair], *, rows: int, row_tokens: int) -> Iterator[list[Row]]:
    """Pairs in rows, at most `rows` at a time."""
    groups = (Group([pair.chosen, pair.rejected]) for pair in pairs)
    return fill_steps(groups, rows=rows, row_tokens=row_tokens)


def pairs_in(rows: Sequence[Row]) -> list[Pair]:
    """The pairs of some rows, in the order in which they are packed."""
    pieces = [piece for row in rows for piece in row.pieces]
    return [Pair(*both) for both in zip(pieces[::2], pieces[1::2], strict=True)]


def _last_answer(encoded: Encoded) -> NDArray[np.bool_]:
    """True at the tokens of the last answer: what stands before it is the prompt of both."""
    learnt = np.array(encoded.mask, bool)
    gaps = np.flatnonzero(~learnt[: np.flatnonzero(learnt)[-1]])
    learnt[: gaps[-1] + 1 if len(gaps) else 0] = False
    return learnt


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(np.array(one[:length]) != np.array(other[:length]))
    return int(differ[0]) if len(differ) else length
