"""Which records of a source are looked at: each id once, with a licence that is allowed, up to a limit."""

import hashlib
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Record
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts, sayable
from doctorsun.data.keys import Met, keys_of
from doctorsun.data.licences import allowed
from doctorsun.data.origins import Origin
from doctorsun.data.pictures import named, size_of

CHUNK_RECORDS = 2048
CHUNK_BYTES = 16 * 2**20
# Ids are compared this many at a time; records with their pictures in memory should not wait.
TOGETHER = 64


@dataclass
class Admission:
    """The records of one source that a recipe wants; `counts` takes the rest, `faults` what ended it early.

    With a limit the source is read twice: once to choose by hash, once to fetch, so that no picture waits.
    """

    source: Origin
    config: DataConfig
    wanted: Callable[[Record], bool] | None = None
    counts: Counts = field(default_factory=Counts)
    faults: list[DataError] = field(default_factory=list)

    def chunks(self) -> Iterator[tuple[Record, ...]]:
        """The records in order, as many together as one process should check."""
        chunk: list[Record] = []
        size = 0
        for record in self._limited():
            chunk.append(record)
            size += sum(map(size_of, record.images))
            if len(chunk) >= CHUNK_RECORDS or size >= CHUNK_BYTES:
                yield tuple(chunk)
                chunk, size = [], 0
        if chunk:
            yield tuple(chunk)

    def _limited(self) -> Iterator[Record]:
        limit = self.source.config.limit
        if limit is None:
            yield from self._admitted(self.counts, self.faults)
            return
        ranked = (
            (_rank(self.config.seed, record.id), at)
            for at, record in enumerate(self._admitted(self.counts, self.faults))
        )
        chosen = {at for _, at in heapq.nsmallest(limit, ranked)}
        for at, record in enumerate(self._admitted(Counts(), [])):
            if at in chosen:
                yield record

    def _admitted(self, counts: Counts, faults: list[DataError]) -> Iterator[Record]:
        """The records up to the first that cannot be had because a file of the source is unusable."""
        allow = (*self.config.licences.allow, *self.source.config.accept)
        met = Met()
        found = map(_sayable, _until_fault(self.source.records(self.config.seed, counts), faults))
        for record, new in _once(filter(self.wanted or _any, found), met):
            place = f"{self.source.name}/{record.id}"
            licence = record.licence or self.source.card.licence
            if not new:
                counts.drop("data.doubled_id", place)
            elif self.wanted is None and not allowed(licence, allow):
                counts.drop("data.licence", f"{place}: {licence}")
            else:
                yield record


def _until_fault(found: Iterator[Record], faults: list[DataError]) -> Iterator[Record]:
    try:
        yield from found
    except DataError as error:
        faults.append(error)


def _once(found: Iterator[Record], met: Met) -> Iterator[tuple[Record, bool]]:
    """Each record, and whether its id is met for the first time."""
    while some := list(islice(found, TOGETHER)):
        yield from zip(some, met.fresh(keys_of(record.id for record in some)).tolist(), strict=True)


def _sayable(record: Record) -> Record:
    """The record with names that can be written down, whatever its files are called."""
    images = tuple(map(named, record.images))
    return replace(record, id=sayable(record.id), group=sayable(record.group or "") or None, images=images)


def _any(record: Record) -> bool:
    return True


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
