"""Second half of a build: blocks of records -> the rows of each split. Pure functions, run on any process."""

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from doctorsun.core.errors import RecordError
from doctorsun.core.files import sha256_file, write_whole
from doctorsun.core.schema import SPLITS, Card, Lang, Message, Part, Record, Sample, Split, Text
from doctorsun.data.blocks import Checked, read_block
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import OFFICIAL
from doctorsun.data.keys import KEY_BYTES, Numbers
from doctorsun.data.rulings import LEFT_OUT, Ruled
from doctorsun.data.shards import Row, ShardWriter
from doctorsun.data.storing import whole_file
from doctorsun.language.answers import label, question_key
from doctorsun.language.banks import pick
from doctorsun.language.questions import QuestionConfig, samples_of
from doctorsun.language.shown import picture_parts

RANK = np.dtype(">u8")


@dataclass(frozen=True)
class Job:
    """Some blocks of one source to be turned into rows in `folder`; `code` tells the code that does it.

    `left_out` are sorted ranks of questions (`rank`) that balancing takes away.
    """

    blocks: tuple[Ruled, ...]
    card: Card
    seed: int
    langs: tuple[Lang, ...]
    questions: QuestionConfig
    official: bool
    code: str
    folder: Path
    left_out: bytes = b""

    @cached_property
    def key(self) -> str:
        """A hash of everything that the rows depend on."""
        told = [repr(self.card), self.seed, self.langs, self.questions.model_dump_json(), self.official]
        digest = hashlib.blake2b(f"{self.code}{told}".encode(), digest_size=KEY_BYTES)
        for ruled in self.blocks:
            digest.update(ruled.block.name.encode() + ruled.splits + ruled.groups)
        digest.update(self.left_out)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of rows as it was made: where it lies, of which split its rows are."""

    file: Path
    part: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """A shard in the data set."""

    file: Path
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """The shards of one job by split, and what could not be used."""

    source: str
    shards: tuple[Shard, ...]
    counts: Counts
    note: Path


def weight(job: Job) -> int:
    """About how many bytes of work a job is."""
    return sum(ruled.size + 2048 * len(ruled.splits) for ruled in job.blocks)


def rank(name: str) -> int:
    """Where a question stands in the order in which questions stay when too many have one answer."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def read_job(job: Job, *, pictures: bool = True) -> Iterator[tuple[Checked, Split]]:
    """The records of a job that are used, in their joined groups, with their splits."""
    for ruled in job.blocks:
        for at, checked in enumerate(read_block(ruled.block, pictures=pictures)):
            if ruled.splits[at] != LEFT_OUT:
                group = ruled.groups[KEY_BYTES * at : KEY_BYTES * (at + 1)].hex()
                yield replace(checked, record=replace(checked.record, group=group)), SPLITS[ruled.splits[at]]


def write_job(job: Job) -> Made:
    """The shards of a job, found or made."""
    note = job.folder / f"{job.key}.json"
    found = _found(job, note)
    if found is not None:
        return found
    counts = Counts()
    rows: dict[str, int] = {}
    with ExitStack() as files:
        writers: dict[str, ShardWriter] = {}
        for part, row in _rows(job, counts):
            if part not in writers:
                aside = files.enter_context(whole_file(_shard(job, part)))
                writers[part] = ShardWriter(aside)
                files.callback(writers[part].close)
            writers[part].add(row)
        rows = {part: writer.rows for part, writer in sorted(writers.items())}
    hashes = {part: sha256_file(_shard(job, part)) for part in rows}
    tree = {"rows": rows, "sha256": hashes, "counts": counts.to_json()}
    write_whole(note, json.dumps(tree, ensure_ascii=False))
    return _made(job, note, tree)


def _found(job: Job, note: Path) -> Made | None:
    """The shards that were made before; null where one is missing or not as it was."""
    if not note.is_file():
        return None
    tree: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
    for part, known in tree["sha256"].items():
        file = _shard(job, part)
        if not file.is_file() or sha256_file(file) != known:
            return None
    return _made(job, note, tree)


def _made(job: Job, note: Path, tree: dict[str, Any]) -> Made:
    shards = tuple(
        Shard(_shard(job, part), part, number, tree["sha256"][part]) for part, number in tree["rows"].items()
    )
    return Made(job.card.name, shards, Counts.from_json(tree["counts"]), note)


def _shard(job: Job, part: str) -> Path:
    return job.folder / f"{job.key}-{part}.parquet"


def _rows(job: Job, counts: Counts) -> Iterator[tuple[str, Row]]:
    """Every row with the part it belongs to."""
    left_out: Numbers = np.frombuffer(job.left_out, RANK)
    for checked, split in read_job(job):
        parts: list[str] = [split]
        if job.official and any(text.split == "test" for text in checked.record.texts):
            parts.append(OFFICIAL)
        for part in parts:
            for sample in _samples(checked, job, part, counts, left_out):
                yield (
                    part,
                    Row(
                        sample=sample,
                        label=label(sample),
                        question_key=question_key(sample),
                        general=job.card.general,
                        image_sha256=tuple(picture.sha256 for picture in checked.pictures),
                        pixels_sha256=tuple(picture.pixels for picture in checked.pictures),
                    ),
                )


def _samples(checked: Checked, job: Job, part: str, counts: Counts, left_out: Numbers) -> Iterator[Sample]:
    record = checked.record
    split: Split = "test" if part == OFFICIAL else next(each for each in SPLITS if each == part)
    if part != OFFICIAL:
        for sample in _asked(record, job, split, counts):
            if not _among(rank(without_language(sample.id)), left_out):
                yield sample
    for at, text in enumerate(record.texts):
        if not _belongs(text, part):
            continue
        suffix = f"/{OFFICIAL}" if part == OFFICIAL else ""
        name = f"{job.card.name}/{record.id}/{text.key or f'text-{at}'}{suffix}/{text.lang}"
        try:
            yield _human(text, record, job, split=split, name=name)
        except (RecordError, ValidationError):
            counts.drop("data.bad_text", name)


def _asked(record: Record, job: Job, split: Split, counts: Counts) -> list[Sample]:
    """What is asked of the facts of a record."""
    try:
        return samples_of(record, job.card, split=split, seed=job.seed, langs=job.langs, config=job.questions)
    except RecordError as error:
        counts.drop(error.key, f"{job.card.name}/{record.id}")
        return []


def _among(number: int, ranks: Numbers) -> bool:
    if not len(ranks):
        return False
    place = int(np.searchsorted(ranks, np.uint64(number)))
    return place < len(ranks) and int(ranks[place]) == number


def _belongs(text: Text, part: str) -> bool:
    """What a benchmark calls test is in `official` always, in test with its picture, in training never."""
    official_test = text.split == "test"
    return official_test if part == OFFICIAL else part == "test" or not official_test


def _human(text: Text, record: Record, job: Job, *, split: Split, name: str) -> Sample:
    """The words as they are; a caption or a report gets a request from the banks as its question."""
    question, phrasing = text.question, None
    if question is None:
        bank = "caption" if text.task == "caption" else "report"
        chosen = pick(bank, random.Random(f"{job.seed}/{name}"), split=split)
        question, phrasing = chosen.fill(text.lang, {}), chosen.name
    asked = Message("user", (Part("text", question),))
    turns = [*text.history, asked, Message("assistant", (Part("text", text.answer),))]
    places = picture_parts(len(record.images), record.shown, text.lang)
    # Pictures stand in the first question, not in a system turn before it.
    first = next(at for at, turn in enumerate(turns) if turn.role == "user")
    turns[first] = replace(turns[first], content=(*places, *turns[first].content))
    return Sample(
        id=name,
        images=record.images,
        messages=tuple(turns),
        lang=text.lang,
        task=text.task,
        source=job.card.name,
        licence=record.licence or job.card.licence,
        origin=text.origin,
        kind=text.kind,
        topic=text.topic,
        phrasing=phrasing,
        choices=text.choices,
        modality=record.modality,
        anatomy=record.anatomy,
        group=record.group,
        derived_from=_original(text, record, name),
        split=split,
        facts=text.facts,
        rejected=text.rejected,
    )


def _original(text: Text, record: Record, name: str) -> str | None:
    """The id of the words that these are a translation of, where the record holds them."""
    for other in record.texts:
        if text.origin == "translated" and other.key == text.key and other.lang != text.lang:
            return f"{without_language(name)}/{other.lang}"
    return None


def without_language(name: str) -> str:
    """The id of a question in no language."""
    return name.rpartition("/")[0]
