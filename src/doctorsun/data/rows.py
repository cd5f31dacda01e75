"""Second half of a build: a block of records -> the rows of one split. Pure functions, run on any process."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Lang, Message, Part, Record, Sample, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import OFFICIAL
from doctorsun.data.shards import Row, write_shard
from doctorsun.data.split import hashed_group
from doctorsun.data.stage import Checked, read_block
from doctorsun.language.answers import form, label, question_key
from doctorsun.language.banks import pick
from doctorsun.language.questions import QuestionConfig, samples_of


@dataclass(frozen=True, slots=True)
class Job:
    """One block to be turned into rows.

    `splits` and `joined` tell the split and the joined group of each hashed group; `left_out` are questions
    (ids without their language) that balancing takes away.
    """

    block: Path
    card: Card
    seed: int
    langs: tuple[Lang, ...]
    questions: QuestionConfig
    splits: Mapping[str, Split]
    joined: Mapping[str, str]
    official: bool
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class YesNo:
    """One question with the answer yes or no: where it counts, what it says, and its id without language."""

    split: Split
    question_key: str
    label: str
    id: str


@dataclass(frozen=True, slots=True)
class Written:
    """One shard: its file, its rows, and what could not be used."""

    file: Path
    rows: int
    counts: Counts


def yes_no(job: Job) -> list[YesNo]:
    """The yes-and-no questions of a block made from facts, in one language: the other says the same."""
    lang = job.langs[0]
    config = job.questions
    if not config.per_record:
        forms = {
            name: tuple(each for each in known if each == "yesno") for name, known in config.forms.items()
        }
        config = config.model_copy(
            update={"forms": forms, "open": 0, "captions": 0, "findings": 0, "reports": 0}
        )
    found = []
    for checked in read_block(job.block):
        split = _split(checked, job)
        record = replace(checked.record, images=())
        try:
            samples = samples_of(record, job.card, split=split, seed=job.seed, langs=(lang,), config=config)
        except RecordError:
            continue
        for sample in samples:
            key, said = question_key(sample), label(sample)
            if form(sample) == "yesno" and key and said:
                found.append(YesNo(split, key, said, _without_language(sample.id)))
    return found


def write_part(work: tuple[Job, str, Path]) -> Written:
    """Write the rows of a block that belong to one split (or to `official`) as one shard."""
    job, part, file = work
    counts = Counts()
    rows = write_shard(file, _rows(job, part, counts))
    return Written(file, rows, counts)


def _rows(job: Job, part: str, counts: Counts) -> Iterator[Row]:
    for checked in read_block(job.block):
        split = _split(checked, job)
        if part not in (split, OFFICIAL):
            continue
        for sample in _samples(checked, job, part, counts):
            yield Row(
                sample=sample,
                label=label(sample),
                question_key=question_key(sample),
                general=job.card.general,
                image_sha256=tuple(picture.sha256 for picture in checked.pictures),
                pixels_sha256=tuple(picture.pixels for picture in checked.pictures),
            )


def _samples(checked: Checked, job: Job, part: str, counts: Counts) -> Iterator[Sample]:
    record = replace(checked.record, group=job.joined[_group(checked, job)])
    split: Split = "test" if part == OFFICIAL else _split(checked, job)
    if part != OFFICIAL:
        try:
            made = samples_of(
                record, job.card, split=split, seed=job.seed, langs=job.langs, config=job.questions
            )
        except RecordError as error:
            counts.drop(error.key, f"{job.card.name}/{record.id}")
            made = []
        yield from (sample for sample in made if _without_language(sample.id) not in job.left_out)
    for at, text in enumerate(record.texts):
        if not _belongs(text, part):
            continue
        suffix = f"/{OFFICIAL}" if part == OFFICIAL else ""
        name = f"{job.card.name}/{record.id}/{text.key or f'text-{at}'}{suffix}/{text.lang}"
        try:
            yield _human(text, record, job, split=split, name=name)
        except (RecordError, ValidationError):
            counts.drop("data.bad_text", name)


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
    places = tuple(Part("image") for _ in record.images)
    turns[0] = replace(turns[0], content=(*places, *turns[0].content))
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
        split=split,
        facts=text.facts,
    )


def _group(checked: Checked, job: Job) -> str:
    return hashed_group(job.seed, job.card.name, checked.record.group or checked.record.id)


def _split(checked: Checked, job: Job) -> Split:
    return job.splits[_group(checked, job)]


def _without_language(name: str) -> str:
    return name.rpartition("/")[0]
