"""What a build would take, what falls out and why, and what an epoch would draw; no data set is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from doctorsun.core.errors import DataError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Card
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import Dataset, Meta, open_dataset
from doctorsun.data.forecast import DIMENSIONS, Forecast, forecast
from doctorsun.data.index import index_all
from doctorsun.data.leaks import other_benchmarks
from doctorsun.data.licences import allowed, strictest
from doctorsun.data.losses import enough
from doctorsun.data.mix import MixConfig, order
from doctorsun.data.origins import Origin, origin
from doctorsun.data.publish import UNSTATED
from doctorsun.data.reading import walked_once
from doctorsun.data.shelf import Shelf, shelf_of
from doctorsun.data.split import Codes, Members, assign
from doctorsun.data.stage import Staged, stage
from doctorsun.data.wording import UNSAID
from doctorsun.data.workers import workers


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source: where it is, what of it is kept, and which of its licences the recipe does not admit.

    `key` is the override that would admit them; null where none is needed, or where the result is to be sold.
    """

    card: Card
    place: Path | None
    present: bool
    counts: Counts
    holds: Forecast
    licences: tuple[str, ...]
    refused: tuple[str, ...]
    key: str | None


@dataclass(frozen=True, slots=True)
class Draw:
    """What an epoch of some stages shows, medical and general, and `by` source, lang, task and modality."""

    stages: tuple[str, ...]
    domain: int
    general: int
    by: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Plan:
    """All sources, the licence that the data set would carry and who brings it, and the draws.

    `built` says that the draws were counted in the data set itself, which is there; else they are estimated.
    `benchmarks` are those on this disk that the build compares with beside those it uses. `refusal` is what a
    build would end with, because too much is lost or nothing is left.
    """

    sources: tuple[SourcePlan, ...]
    licence: str
    brought_by: tuple[str, ...]
    benchmarks: tuple[str, ...]
    draws: tuple[Draw, ...]
    built: bool
    refusal: DataError | None


def plan(config: DataConfig, mixtures: Mapping[str, MixConfig]) -> Plan:
    """The plan of a recipe whose stages, by name, have these mixtures.

    Sources are staged as a build stages them, on the same shelf: the build finds the blocks again. What takes
    all records at once (nearly equal ones, benchmark material) is left to the build.
    """
    with walked_once():
        origins = [origin(name, config, said) for name, said in config.used().items()]
        benchmarks = tuple(each.name for each in other_benchmarks(config))
    with shelf_of(config.place, keep=True) as shelf, workers(config) as crew:
        _keep_all(shelf)
        staged = [stage(source, config, shelf=shelf, crew=crew) for source in origins]
        found = _forecasts(staged, config)
    sources = tuple(
        _source(came, here, holds, config) for came, here, holds in zip(origins, staged, found, strict=True)
    )
    licence = strictest(name for source in sources for name in source.licences if source.counts.kept)
    brought_by = [each.card.name for each in sources if each.counts.kept and licence in each.licences]
    built = _built(config)
    metas = built.rows("train").index() if built else [meta for each in found for meta in each.train]
    return Plan(
        sources=sources,
        licence=licence,
        brought_by=tuple(brought_by),
        benchmarks=benchmarks,
        draws=_draws(metas, mixtures, config.seed),
        built=built is not None,
        refusal=_refusal(staged, config),
    )


def _refusal(staged: Sequence[Staged], config: DataConfig) -> DataError | None:
    try:
        enough(staged, config)
    except DataError as error:
        return error
    return None


def _keep_all(shelf: Shelf) -> None:
    """What an earlier build left stays: planning uses only some of it."""
    for path in shelf.place.rglob("*"):
        shelf.use(path)


def _forecasts(staged: Sequence[Staged], config: DataConfig) -> list[Forecast]:
    splits = _splits(staged, config)
    found, start = [], 0
    for done, source in enumerate(staged, start=1):
        size = sum(kept.block.records for kept in source.blocks)
        found.append(forecast(source, splits[start : start + size], config))
        start += size
        reporter().step("data.step_plan", done, len(staged))
    return found


def _splits(staged: Sequence[Staged], config: DataConfig) -> Codes:
    """The split of every staged record, before nearly equal records join their groups."""
    index = index_all(staged)
    nothing = np.empty((0, 2), np.int64)
    members = Members(index.groups, index.official, index.twin_of, index.twins, nothing)
    return assign(members, config.split)[0]


def _source(came: Origin, here: Staged, holds: Forecast, config: DataConfig) -> SourcePlan:
    allow = (*config.licences.allow, *came.config.accept)
    examples = here.counts.examples.get("data.licence", ())
    told = {example.rpartition(": ")[2] for example in examples}
    if not here.present and not allowed(here.card.licence, allow):
        told.add(here.card.licence)
    refused = tuple(sorted(told))
    accept = ", ".join((*came.config.accept, *refused))
    key = None if config.licences.commercial or not refused else f"data.sources.{came.name}.accept=[{accept}]"
    licences = tuple(sorted(holds.licences)) or (here.card.licence,)
    return SourcePlan(here.card, came.place, here.present, here.counts, holds, licences, refused, key)


def _built(config: DataConfig) -> Dataset | None:
    """The data set, where it is there and was made by this very recipe."""
    if not (config.place / "dataset.json").is_file():
        return None
    dataset = open_dataset(config.place)
    asked = config.model_dump(mode="json", exclude=UNSTATED)
    return dataset if dataset.info.get("recipe") == asked else None


def _draws(metas: Sequence[Meta], mixtures: Mapping[str, MixConfig], seed: int) -> tuple[Draw, ...]:
    """One draw for each different mixture."""
    stages: dict[str, list[str]] = {}
    for name, mix in mixtures.items():
        stages.setdefault(mix.model_dump_json(), []).append(name)
    return tuple(_draw(metas, mixtures[names[0]], names, seed) for names in stages.values())


def _draw(metas: Sequence[Meta], mix: MixConfig, names: Sequence[str], seed: int) -> Draw:
    picked = [metas[at] for at in order(metas, mix, seed=seed, epoch=0)]
    general = sum(meta.general for meta in picked)
    values = {
        name: Counter(getattr(meta, name) or UNSAID for meta in picked) for name in ("source", *DIMENSIONS)
    }
    by = {name: dict(counts.most_common()) for name, counts in values.items()}
    return Draw(tuple(names), len(picked) - general, general, by)
