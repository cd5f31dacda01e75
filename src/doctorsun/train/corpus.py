"""The samples of a split as training reads them: messages, encoded when first asked for, without pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from doctorsun.core.errors import TrainError
from doctorsun.core.schema import Fact, Message, Sample
from doctorsun.data.dataset import Meta, Rows
from doctorsun.model.encode import Encoded, Encoder
from doctorsun.train.packing import Piece


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a sample; `pictures` are the SHA-256 of its pictures in order."""

    id: str
    messages: tuple[Message, ...]
    pictures: tuple[str, ...]
    source: str
    task: str
    facts: tuple[Fact, ...]


class Corpus:
    """The samples of one split, by row; `metas` are what the mixture needs of them."""

    def __init__(self, entries: Sequence[Entry], metas: Sequence[Meta]) -> None:
        self.entries = entries
        self.metas = metas

    @classmethod
    def of_rows(cls, rows: Rows) -> "Corpus":
        """The corpus of a split on disk; no picture is read."""
        return cls([_entry(sample, pictures) for sample, pictures in rows.words()], rows.index())

    def pictures(self) -> dict[str, list[int]]:
        """The rows of every picture, by its SHA-256."""
        found: dict[str, list[int]] = {}
        for row, entry in enumerate(self.entries):
            for picture in entry.pictures:
                found.setdefault(picture, []).append(row)
        return found


class Pieces:
    """Encoded samples of a corpus by row, each encoded once.

    `supervise` "all" learns every token of a conversation; `text_only` leaves the pictures out.
    """

    def __init__(
        self, corpus: Corpus, encoder: Encoder, *, context: int, supervise: str, text_only: bool
    ) -> None:
        self._corpus = corpus
        self._encoder = encoder
        self._context = context
        self._all = supervise == "all"
        self._text_only = text_only
        self._known: dict[int, Piece] = {}

    def __getitem__(self, row: int) -> Piece:
        """The piece of one row; TrainError if it is longer than the model's context or teaches nothing."""
        if row not in self._known:
            self._known[row] = self._encode(self._corpus.entries[row])
        return self._known[row]

    def _encode(self, entry: Entry) -> Piece:
        messages = entry.messages
        pictures = entry.pictures
        if self._text_only and pictures:
            messages, pictures = tuple(_without_images(message) for message in messages), ()
        encoded = self._encoder.encode(messages, where=entry.id)
        if len(encoded.ids) > self._context:
            raise TrainError("train.too_long", where=entry.id, found=len(encoded.ids), expected=self._context)
        learnt = self._learnt(encoded)
        if not learnt.any():
            raise TrainError("train.nothing_to_learn", where=entry.id)
        starts = tuple(encoded.image_starts)
        return Piece(
            id=entry.id,
            ids=np.array(encoded.ids, np.int32),
            learnt=learnt,
            pictures=pictures,
            starts=starts,
            prefix=starts[-1] + self._encoder.image_tokens if starts else 0,
        )

    def _learnt(self, encoded: Encoded) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        learnt = np.array(encoded.mask, bool)
        if self._all:
            learnt = np.array(encoded.ids) != self._encoder.image_id
            learnt[0] = False
        return learnt


def _entry(sample: Sample, pictures: tuple[str, ...]) -> Entry:
    return Entry(sample.id, sample.messages, pictures, sample.source, sample.task, sample.facts)


def _without_images(message: Message) -> Message:
    return replace(message, content=tuple(part for part in message.content if part.type == "text"))
