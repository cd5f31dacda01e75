"""`build(config)`: sources -> records -> checks -> groups -> splits -> samples -> shards on disk."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from doctorsun.core.errors import DataError
from doctorsun.core.files import storage_errors, whole_folder
from doctorsun.core.progress import reporter
from doctorsun.data.audit import check
from doctorsun.data.balance import balanced
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.fingerprint import code_fingerprint
from doctorsun.data.hospital.proof import check_places, prove
from doctorsun.data.leaks import is_test, other_benchmarks
from doctorsun.data.losses import enough, reason_text, tell
from doctorsun.data.origins import origin
from doctorsun.data.publish import describe, record_scan
from doctorsun.data.reading import walked_once
from doctorsun.data.rows import Job, Shard, Written, weight, write_job
from doctorsun.data.rulings import Ruled, rule
from doctorsun.data.shelf import Shelf, shelf_of
from doctorsun.data.stage import Staged, stage
from doctorsun.data.translated import translated
from doctorsun.data.translation.translator import Translator
from doctorsun.data.workers import Workers, workers

__all__ = ["build", "reason_text"]

# One job makes one shard of each split. Blocks are smaller, so that many processes check one source.
JOB_RECORDS = 8192
JOB_BYTES = 64 * 2**20


def build(config: DataConfig, *, translator: Translator | None = None) -> Path:
    """The folder of the data set a recipe asks for; DataError says what is missing or that too much was lost.

    `translator` is what `config.translation` names, opened. The same input and recipe give the same bytes,
    whatever the engine and the number of processes. A killed build leaves no data set, and the next one finds
    every block and shard that was finished.
    """
    place = config.place
    _guard(place)
    check_places(config)
    with shelf_of(place, keep=config.keep) as shelf, workers(config) as crew:
        with walked_once():
            origins = [origin(name, config, said) for name, said in config.used().items()]
            others = list(other_benchmarks(config))
        staged = [stage(source, config, shelf=shelf, crew=crew) for source in origins]
        enough(staged, config)
        staged = [translated(source, config, translator, shelf=shelf) for source in staged]
        tests = [stage(source, config, shelf=shelf, crew=crew, wanted=is_test) for source in others]
        staged, rulings, compared = rule(staged, tests, config, shelf)
        staged, shards = _write(staged, rulings, config, shelf, crew)
        enough(staged, config)
        with whole_folder(place) as folder:
            describe(folder, config, staged, _put(shards, folder), compared)
            check(folder)
            _prove(folder, config)
    tell(staged)
    return place


def _prove(folder: Path, config: DataConfig) -> None:
    """Search a hospital's data set for everything known of its patients; DataError where anything is left."""
    values = prove(folder, config)
    if values:
        record_scan(folder, {"values_searched": values})


def _guard(place: Path) -> None:
    """Raise DataError where something that is no data set stands in the place of the new one."""
    if place.is_dir() and any(place.iterdir()) and not (place / "dataset.json").is_file():
        raise DataError("data.place_taken", where=place)
    above = next(path for path in (place, *place.parents) if path.exists())
    if not above.is_dir():
        raise DataError("data.place_taken", where=above)


def _write(
    staged: Sequence[Staged],
    rulings: Sequence[Sequence[Ruled]],
    config: DataConfig,
    shelf: Shelf,
    crew: Workers,
) -> tuple[list[Staged], list[Shard]]:
    """All shards, made or found; the sources come back with the counts of this half added."""
    jobs = balanced(list(_jobs(staged, rulings, config, shelf)), crew, shelf)
    added = {source.name: Counts() for source in staged}
    shards: list[Shard] = []
    for done, written in enumerate(crew.map(write_job, jobs, weigh=weight), start=1):
        shelf.use(written.note)
        shards += [replace(shard, file=shelf.use(shard.file)) for shard in written.shards]
        added[written.source].add(written.counts)
        reporter().step("data.step_write", done, len(jobs))
    return [replace(source, counts=_sum(source.counts, added[source.name])) for source in staged], shards


def _jobs(
    staged: Sequence[Staged], rulings: Sequence[Sequence[Ruled]], config: DataConfig, shelf: Shelf
) -> Iterator[Job]:
    for source, ruled in zip(staged, rulings, strict=True):
        for blocks in _together(ruled):
            yield Job(
                blocks=tuple(blocks),
                card=source.card,
                seed=config.seed,
                langs=config.langs,
                questions=config.questions,
                official=config.split.force != "test",
                code=code_fingerprint(),
                folder=shelf.shards,
            )


def _together(blocks: Sequence[Ruled]) -> Iterator[list[Ruled]]:
    """Blocks of one source, as many together as make a shard."""
    lot: list[Ruled] = []
    records = size = 0
    for block in blocks:
        if lot and (records + len(block.splits) > JOB_RECORDS or size + block.size > JOB_BYTES):
            yield lot
            lot, records, size = [], 0, 0
        lot.append(block)
        records += len(block.splits)
        size += block.size
    if lot:
        yield lot


def _sum(counts: Counts, more: Counts) -> Counts:
    total = Counts(kept=counts.kept)
    total.add(replace(counts, kept=0))
    total.add(more)
    return total


def _put(shards: Sequence[Shard], folder: Path) -> list[Written]:
    """The shards in the data set, under names that tell how many there are of a split."""
    data = folder / "data"
    data.mkdir()
    parts = Counter(shard.part for shard in shards)
    seen: Counter[str] = Counter()
    placed = []
    for shard in shards:
        number = seen[shard.part]
        seen[shard.part] += 1
        file = data / f"{shard.part}-{number:05d}-of-{parts[shard.part]:05d}.parquet"
        with storage_errors(file):
            _link(shard.file, file)
        placed.append(Written(file, shard.rows, shard.sha256))
    return placed


def _link(shard: Path, file: Path) -> None:
    """The same file under another name, or a copy where the disk has no such links."""
    try:
        os.link(shard, file)
    except OSError:
        shutil.copyfile(shard, file)
