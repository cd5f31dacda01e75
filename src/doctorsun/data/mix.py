"""The order of an epoch: which samples and how often, as a function of seed and epoch alone."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from doctorsun.core.config import Config
from doctorsun.core.schema import Kind, Lang, Task
from doctorsun.data.dataset import Meta

Cell = tuple[str, ...]
Dimension = Literal["lang", "task", "modality"]
# Rounds of proportional fitting: three dimensions agree to a thousandth long before.
ROUNDS = 30


class MixConfig(Config):
    """Which samples a stage sees; null means all.

    `sources`, `kinds` and `topics` choose among the medical ones. `general` is the number of general-domain
    samples to one of the domain, null to take them as they are. `balance` shows the answers of one question
    equally often within a language and lets large sources grow with size ** `temper` only. `epochs` says how
    often an epoch shows a source, `caps` how many samples of it at most, `shares` what part of the medical
    samples is of a language, a task or a modality (what is not named shares the rest); nothing is shown more
    than `repeat` times an epoch. `limit` ends the epoch after that many samples.
    """

    tasks: tuple[Task, ...] | None = None
    sources: tuple[str, ...] | None = None
    langs: tuple[Lang, ...] | None = None
    kinds: tuple[Kind | None, ...] | None = None
    topics: tuple[str | None, ...] | None = None
    general: float | None = Field(default=0.5, ge=0)
    balance: bool = True
    temper: float = Field(default=0.7, gt=0, le=1)
    repeat: float = Field(default=8.0, ge=1)
    epochs: dict[str, Annotated[float, Field(ge=0)]] = {}
    caps: dict[str, Annotated[int, Field(ge=0)]] = {}
    shares: dict[Dimension, dict[str, Annotated[float, Field(ge=0, le=1)]]] = {}
    limit: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for name, parts in self.shares.items():
            if sum(parts.values()) > 1 + 1e-9:
                raise ValueError(f"the shares of {name} are more than 1")
        return self


def order(metas: Sequence[Meta], mix: MixConfig, *, seed: int, epoch: int) -> list[int]:
    """The places in `metas` that make an epoch, in training order.

    What one epoch leaves out the next ones take up, so over the epochs every sample is seen.
    """
    chosen = [place for place, meta in enumerate(metas) if _wanted(meta, mix)]
    domain = [place for place in chosen if not metas[place].general]
    general = [place for place in chosen if metas[place].general]
    share = _shares(metas, domain, mix)
    picks = [
        place
        for cell, places in sorted(_cells(metas, domain, mix).items())
        for place in _turn(places, share[cell], f"{seed}/{cell}", epoch=epoch)
    ]
    picks += _general(metas, general, mix, domain=len(picks) if domain else None, seed=seed, epoch=epoch)
    shuffled = [picks[at] for at in _generator(f"{seed}/{epoch}/order").permutation(len(picks))]
    return shuffled[: mix.limit]


def _wanted(meta: Meta, mix: MixConfig) -> bool:
    fields = (
        (mix.tasks, meta.task),
        (mix.langs, meta.lang),
        (None if meta.general else mix.kinds, meta.kind),
        (None if meta.general else mix.topics, meta.topic),
        (None if meta.general else mix.sources, meta.source),
    )
    return all(allowed is None or value in allowed for allowed, value in fields)


def shown(metas: Sequence[Meta], mix: MixConfig) -> dict[Cell, float]:
    """How many samples an epoch shows of each cell: source, language, question, answer, what shares name."""
    domain = [place for place, meta in enumerate(metas) if _wanted(meta, mix) and not meta.general]
    return _shares(metas, domain, mix)


def _cells(metas: Sequence[Meta], places: Sequence[int], mix: MixConfig) -> dict[Cell, list[int]]:
    """The places of what is drawn together; what shares are asked of tells cells apart."""
    cells: dict[Cell, list[int]] = defaultdict(list)
    for place in places:
        meta = metas[place]
        split = tuple(_value(meta, name) for name in mix.shares if name != "lang")
        cells[(meta.source, meta.lang, meta.question_key or "", meta.label or "", *split)].append(place)
    return cells


def _value(meta: Meta, dimension: Dimension) -> str:
    return {"lang": meta.lang, "task": meta.task, "modality": meta.modality or "-"}[dimension]


def _shares(metas: Sequence[Meta], places: Sequence[int], mix: MixConfig) -> dict[Cell, float]:
    """How many samples of each cell an epoch shows; the whole stays as large as the data."""
    cells = _cells(metas, places, mix)
    sizes = {cell: len(members) for cell, members in cells.items()}
    found = _balanced(sizes, mix) if mix.balance else {cell: float(size) for cell, size in sizes.items()}
    found = _of_sources(found, sizes, mix)
    values = {
        cell: {name: _value(metas[members[0]], name) for name in mix.shares}
        for cell, members in cells.items()
    }
    for _ in range(ROUNDS if mix.shares else 0):
        for name, parts in mix.shares.items():
            found = _fitted(found, {cell: values[cell][name] for cell in found}, parts)
        found = {cell: min(share, sizes[cell] * mix.repeat) for cell, share in found.items()}
    return found


def _balanced(sizes: Mapping[Cell, int], mix: MixConfig) -> dict[Cell, float]:
    """Even answers within a question and a language; large sources tempered."""
    sources: dict[str, int] = defaultdict(int)
    questions: dict[Cell, list[Cell]] = defaultdict(list)
    for cell, size in sizes.items():
        sources[cell[0]] += size
        if cell[3]:
            questions[_question(cell)].append(cell)
    whole = sum(sources.values())
    tempered = sum(size**mix.temper for size in sources.values())
    shares = {}
    for cell, size in sizes.items():
        answers = questions.get(_question(cell), []) if cell[3] else []
        even = sum(sizes[answer] for answer in answers) / len(answers) if answers else float(size)
        scale = whole * sources[cell[0]] ** (mix.temper - 1) / tempered
        shares[cell] = min(even * scale, size * mix.repeat)
    return shares


def _question(cell: Cell) -> Cell:
    return (*cell[:3], *cell[4:])


def _of_sources(found: dict[Cell, float], sizes: Mapping[Cell, int], mix: MixConfig) -> dict[Cell, float]:
    """The shares with each source shown as often, and at most as much, as the recipe says."""
    drawn: dict[str, float] = defaultdict(float)
    held: dict[str, int] = defaultdict(int)
    for cell, share in found.items():
        drawn[cell[0]] += share
        held[cell[0]] += sizes[cell]
    scale = {}
    for source, share in drawn.items():
        wanted = mix.epochs[source] * held[source] if source in mix.epochs else share
        scale[source] = min(wanted, mix.caps.get(source, wanted)) / share if share else 0.0
    return {cell: min(share * scale[cell[0]], sizes[cell] * mix.repeat) for cell, share in found.items()}


def _fitted(
    found: Mapping[Cell, float], value: Mapping[Cell, str], parts: Mapping[str, float]
) -> dict[Cell, float]:
    """The shares scaled so that each named value has its part of the whole, the others what is left."""
    totals: dict[str, float] = defaultdict(float)
    for cell, share in found.items():
        totals[value[cell]] += share
    whole = sum(totals.values())
    there = {name: part for name, part in parts.items() if totals.get(name)}
    rest = sum(total for name, total in totals.items() if name not in parts)
    named = sum(there.values())
    unit = whole if rest or not named else whole / named
    scale = {name: part * unit / totals[name] for name, part in there.items()}
    other = max(0.0, 1 - named) * whole / rest if rest else 1.0
    return {cell: share * scale.get(value[cell], other) for cell, share in found.items()}


def _turn(places: Sequence[int], share: float, key: str, *, epoch: int) -> list[int]:
    """The next `share` places of an endless walk over a fixed shuffle; fractions add up over the epochs."""
    walk = _generator(key).permutation(len(places))
    first, last = int(share * epoch + 1e-9), int(share * (epoch + 1) + 1e-9)
    return [places[walk[at % len(places)]] for at in range(first, last)]


def _general(
    metas: Sequence[Meta], places: Sequence[int], mix: MixConfig, *, domain: int | None, seed: int, epoch: int
) -> list[int]:
    if not places:
        return []
    wanted = len(places) if mix.general is None or domain is None else mix.general * domain
    share = min(wanted, len(places) * mix.repeat)
    return _turn(places, share, f"{seed}/general", epoch=epoch)


def _generator(key: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big"))
