"""The samples of a split as training reads them: messages, encoded when first asked for, without pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from doctorsun.core.errors import TrainError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Fact, Message, Sample
from doctorsun.data.dataset import Meta, Rows
from doctorsun.model.encode import Encoded, Encoder
from doctorsun.train.originals import Originals
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
    rejected: str | None = None


class Corpus:
    """The samples of one split, by row; `metas` are what the mixture needs of them."""

    def __init__(self, entries: Sequence[Entry], metas: Sequence[Meta]) -> None:
        self.entries = entries
        self.metas = metas

    @classmethod
    def of_rows(cls, rows: Rows) -> "Corpus":
        """The corpus of a split on disk; no picture is read."""
        return cls([_entry(sample, pictures) for sample, pictures in rows.words()], rows.index())

    def pairs(self) -> "Corpus":
        """The samples that have a rejected answer."""
        kept = [row for row, entry in enumerate(self.entries) if entry.rejected is not None]
        return Corpus([self.entries[row] for row in kept], [self.metas[row] for row in kept])

    def pictures(self) -> dict[str, list[int]]:
        """The rows of every picture, by its SHA-256."""
        found: dict[str, list[int]] = {}
        for row, entry in enumerate(self.entries):
            for picture in entry.pictures:
                found.setdefault(picture, []).append(row)
        return found


class Pieces:
    """Encoded samples of a corpus by row, each encoded once.

    `supervise` "all" learns every token of a conversation; `text_only` leaves the pictures out. `originals`
    are the pictures of a model for which their sizes count; nothing is shared there.
    """

    def __init__(
        self,
        corpus: Corpus,
        encoder: Encoder,
        *,
        context: int,
        supervise: str,
        text_only: bool,
        originals: Originals | None = None,
    ) -> None:
        self._corpus = corpus
        self._encoder = encoder
        self._context = context
        self._all = supervise == "all"
        self._text_only = text_only
        self._originals = originals
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
        sizes = self._originals.sizes_of(pictures) if self._originals else None
        encoded = self._encoder.encode(messages, where=entry.id, sizes=sizes)
        refuse_too_long(replace(entry, pictures=pictures), encoded, self._encoder, context=self._context)
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
            prefix=starts[-1] + self._encoder.image_tokens if starts and not self._originals else 0,
        )

    def _learnt(self, encoded: Encoded) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        learnt = np.array(encoded.mask, bool)
        if self._all:
            learnt = np.array(encoded.ids) != self._encoder.image_id
            learnt[0] = False
        return learnt


def refuse_too_long(entry: Entry, encoded: Encoded, encoder: Encoder, *, context: int) -> None:
    """Raise TrainError if a sample is longer than the model's context; it says what its pictures take."""
    if len(encoded.ids) <= context:
        return
    told = {"where": entry.id, "found": len(encoded.ids), "expected": context}
    if not entry.pictures:
        raise TrainError("train.too_long", **told)
    count = len(entry.pictures)
    room = context - (len(encoded.ids) - count * encoder.image_tokens)
    fit = max(0, room // encoder.image_tokens)
    raise TrainError("train.too_many_pictures", **told, count=count, each=encoder.image_tokens, fit=fit)


def tell_long_rows(corpus: Corpus, encoder: Encoder, *, row_tokens: int) -> None:
    """Say so where the pictures of a sample alone are longer than a row: its step takes more memory."""
    most = max(corpus.entries, key=lambda entry: len(entry.pictures), default=None)
    each = encoder.image_tokens
    if most is None or len(most.pictures) * each <= row_tokens:
        return
    count = len(most.pictures)
    told = {"where": most.id, "count": count, "each": each, "found": count * each, "expected": row_tokens}
    reporter().note("train.long_rows", **told)


def _entry(sample: Sample, pictures: tuple[str, ...]) -> Entry:
    return Entry(
        sample.id, sample.messages, pictures, sample.source, sample.task, sample.facts, sample.rejected
    )


def _without_images(message: Message) -> Message:
    return replace(message, content=tuple(part for part in message.content if part.type == "text"))
