"""`build(config)`: sources -> records -> checks -> groups -> splits -> samples -> shards on disk."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from doctorsun.core.errors import DataError
from doctorsun.core.files import storage_errors, whole_folder
from doctorsun.core.progress import reporter
from doctorsun.core.schema import SPLITS, Split
from doctorsun.core.strings import say
from doctorsun.data.audit import check
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import OFFICIAL
from doctorsun.data.publish import describe
from doctorsun.data.rows import Job, Written, YesNo, write_part, yes_no
from doctorsun.data.split import Member, assign
from doctorsun.data.stage import Staged, stage
from doctorsun.data.workers import Workers, workers

# What was never there, or is more than the recipe wants, does not count against the limit of bad records.
NOT_A_FAULT = frozenset({"data.licence", "data.image_absent", "data.too_long"})
FEW_BLOCKS = 2


def build(config: DataConfig) -> Path:
    """The folder of the data set a recipe asks for; DataError says what is missing or that too much was lost.

    The same input and recipe give the same bytes, whatever the number of processes. A killed build leaves no
    data set, and the next one finds the sources it had finished.
    """
    place = config.place
    _guard(place)
    aside = place.with_name(f".{place.name}.sources")
    with storage_errors(aside):
        aside.mkdir(parents=True, exist_ok=True)
    with workers(config.workers) as crew:
        staged = [stage(name, config, aside=aside, crew=crew) for name in config.used()]
        _enough(staged, config)
        with whole_folder(place) as folder:
            staged, written = _write(staged, config, folder, crew)
            _enough(staged, config)
            describe(folder, config, staged, written)
            check(folder)
    _tell(staged)
    rmtree(aside, ignore_errors=True)
    return place


def counts_table(staged: Sequence[Staged]) -> str:
    """What was kept and dropped, a line for each source and reason, in the user's language."""
    lines = []
    for source in staged:
        state = "" if source.present else f" ({say('data.absent')})"
        lines.append(f"{source.name}{state}: {say('data.kept', number=source.counts.kept)}")
        for reason, number in sorted(source.counts.dropped.items()):
            examples = ", ".join(source.counts.examples.get(reason, ()))
            lines.append(f"  {number:>6}  {reason_text(reason)} ({examples})")
    return "\n".join(lines)


def reason_text(reason: str) -> str:
    """A reason in the user's language, without the place that an error message would name."""
    name = reason.replace(".", "_")
    return say(f"data.reason_{name}")


def _guard(place: Path) -> None:
    """Raise DataError where something that is no data set stands in the place of the new one."""
    if place.is_dir() and any(place.iterdir()) and not (place / "dataset.json").is_file():
        raise DataError("data.place_taken", where=place)
    above = next(path for path in (place, *place.parents) if path.exists())
    if not above.is_dir():
        raise DataError("data.place_taken", where=above)


def _enough(staged: Sequence[Staged], config: DataConfig) -> None:
    """Raise DataError with the table when nothing is left or a source lost more than the limit."""
    if not any(source.counts.kept for source in staged):
        raise DataError("data.nothing_left", where=config.root or config.name, table=counts_table(staged))
    for source in staged:
        lost = sum(number for reason, number in source.counts.dropped.items() if reason not in NOT_A_FAULT)
        whole = lost + max(source.counts.kept, source.counts.words)
        if source.counts.kept and lost > config.drop_limit * whole:
            raise DataError(
                "data.too_much_lost",
                where=source.name,
                found=lost,
                whole=whole,
                limit=config.drop_limit,
                table=counts_table(staged),
            )


def _tell(staged: Sequence[Staged]) -> None:
    """Say what was left out of each source, and what else is worth knowing of it, a line for each reason."""
    for source in staged:
        counts = source.counts
        for reason, number in sorted(counts.dropped.items()):
            if counts.examples.get(reason) == [source.name]:
                continue
            _tell_one("data.left_out", source.name, number, reason_text(reason), counts.examples.get(reason))
        for what, number in sorted(counts.noted.items()):
            _tell_one("data.noted", source.name, number, say(what), counts.examples.get(what))


def _tell_one(event: str, source: str, number: int, what: str, examples: Sequence[str] | None) -> None:
    shown = f" ({', '.join(examples)})" if examples else ""
    reporter().note(event, source=source, number=number, what=what, examples=shown)


def _write(
    staged: Sequence[Staged], config: DataConfig, folder: Path, crew: Workers
) -> tuple[list[Staged], list[Written]]:
    """Write all shards under their final names; the sources come back with the counts of this half added."""
    data = folder / "data"
    data.mkdir()
    jobs = _jobs(staged, config)
    alone = len(jobs) if len(jobs) <= FEW_BLOCKS else 0
    jobs = _balanced(jobs, crew, alone)
    work = [
        (job, part, data / f"{part}-{number:05d}.parquet")
        for part in (*SPLITS, OFFICIAL)
        for number, job in enumerate(jobs)
        if part in set(job.splits.values()) or (part == OFFICIAL and job.official)
    ]
    written = []
    for done, shard in enumerate(crew.map(write_part, work, alone=alone), start=1):
        written.append(shard)
        reporter().step("data.step_write", done, len(work))
    added = {job.card.name: Counts() for job in jobs}
    for (job, part, _), shard in zip(work, written, strict=True):
        if part != OFFICIAL:
            added[job.card.name].add(shard.counts)
    staged = [replace(source, counts=_sum(source.counts, added.get(source.name))) for source in staged]
    return staged, _renamed(written)


def _jobs(staged: Sequence[Staged], config: DataConfig) -> list[Job]:
    members: list[Member] = [member for source in staged for block in source.members for member in block]
    splits, joined = assign(members, config.split)
    jobs = []
    for source in staged:
        for path, block in zip(source.blocks, source.members, strict=True):
            groups = {member.group for member in block}
            jobs.append(
                Job(
                    block=path,
                    card=source.card,
                    seed=config.seed,
                    langs=config.langs,
                    questions=config.questions,
                    splits={group: splits[group] for group in sorted(groups)},
                    joined={group: joined[group] for group in sorted(groups)},
                    official=config.split.force != "test",
                )
            )
    return jobs


def _balanced(jobs: Sequence[Job], crew: Workers, alone: int) -> list[Job]:
    """The same jobs, each knowing the questions that are left out so that yes and no are equally many."""
    found: dict[tuple[Split, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    of_job: list[list[YesNo]] = []
    for done, asked in enumerate(crew.map(yes_no, jobs, alone=alone), start=1):
        of_job.append(asked)
        for each in asked:
            found[(each.split, each.question_key)][each.label].append(each.id)
        reporter().step("data.step_balance", done, len(jobs))
    left_out = frozenset(_surplus(found.values()))
    return [
        replace(job, left_out=frozenset(each.id for each in asked if each.id in left_out))
        for job, asked in zip(jobs, of_job, strict=True)
    ]


def _surplus(questions: Iterable[Mapping[str, Sequence[str]]]) -> Iterator[str]:
    for answers in questions:
        fewest = min(len(answers.get(said, ())) for said in ("yes", "no"))
        for ids in answers.values():
            ranked = sorted(ids, key=lambda name: hashlib.sha256(name.encode()).digest())
            yield from ranked[fewest:]


def _sum(counts: Counts, more: Counts | None) -> Counts:
    total = Counts(kept=counts.kept)
    total.add(replace(counts, kept=0))
    if more:
        total.add(more)
    return total


def _renamed(written: Sequence[Written]) -> list[Written]:
    """The shards that hold rows under names that tell how many there are; empty ones are removed."""
    parts: Counter[str] = Counter(_part(shard) for shard in written if shard.rows)
    seen: Counter[str] = Counter()
    kept = []
    for shard in written:
        if not shard.rows:
            shard.file.unlink()
            continue
        part = _part(shard)
        path = shard.file.with_name(f"{part}-{seen[part]:05d}-of-{parts[part]:05d}.parquet")
        seen[part] += 1
        shard.file.rename(path)
        kept.append(replace(shard, file=path))
    return kept


def _part(shard: Written) -> str:
    return shard.file.name.partition("-")[0]
