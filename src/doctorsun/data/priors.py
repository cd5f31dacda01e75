"""The study before: records that show a patient's earlier pictures beside those that the words are about."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from doctorsun.core.schema import Record
from doctorsun.language.shown import told_as


def with_prior(record: Record, prior: Record) -> Record:
    """The words of a record with the pictures of an earlier study first, each study under its name.

    Facts are not asked again: they are those of the record itself. What is held out of either stays out.
    """
    held_out = next((split for split in ("test", "validation") if split in (record.split, prior.split)), None)
    earlier = told_as("prior", prior.shown, pictures=len(prior.images))
    now = told_as("current", record.shown, pictures=len(record.images))
    return replace(
        record,
        id=f"{record.id}-prior",
        images=(*prior.images, *record.images),
        shown=(*earlier, *now),
        facts=(),
        split=held_out or record.split,
    )


def with_priors(records: Iterable[tuple[str, Record]]) -> Iterator[Record]:
    """The records and, after those of each group, the ones that have words with the study before each.

    The records of a group stand together. The texts beside them order them in time, as `20260131T0915` does;
    those of one time, or of an empty one, have no order and make no pair. No time goes into what is made.
    """
    for _, together in groupby(records, key=lambda each: each[1].group):
        dated = []
        for when, record in together:
            yield record
            if when and record.images:
                dated.append((when, record))
        yield from _pairs(sorted(dated, key=lambda each: (each[0], each[1].id)))


def _pairs(dated: Sequence[tuple[str, Record]]) -> Iterator[Record]:
    for (before, prior), (now, record) in pairwise(dated):
        if before < now and record.texts:
            yield with_prior(record, prior)
