"""The order of an epoch: which samples and how often, as a function of seed and epoch alone."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from doctorsun.core.config import Config
from doctorsun.core.schema import Kind, Lang, Task
from doctorsun.data.dataset import Meta

Cell = tuple[str, str, str, str]


class MixConfig(Config):
    """Which samples a stage sees; null means all.

    `sources`, `kinds` and `topics` choose among the medical ones. `general` is the number of general-domain
    samples to one of the domain, null to take them as they are. `balance` shows the answers of one question
    equally often within a language and lets large sources grow with size ** `temper` only; nothing is shown
    more than `repeat` times an epoch. `limit` ends the epoch after that many samples.
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
    limit: int | None = Field(default=None, ge=1)


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
        for cell, places in sorted(_cells(metas, domain).items())
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


def _cells(metas: Sequence[Meta], places: Sequence[int]) -> dict[Cell, list[int]]:
    cells: dict[Cell, list[int]] = defaultdict(list)
    for place in places:
        meta = metas[place]
        cells[(meta.source, meta.lang, meta.question_key or "", meta.label or "")].append(place)
    return cells


def _shares(metas: Sequence[Meta], places: Sequence[int], mix: MixConfig) -> dict[Cell, float]:
    """How many samples of each cell an epoch shows; the whole stays as large as the data."""
    sizes = {cell: len(members) for cell, members in _cells(metas, places).items()}
    if not mix.balance:
        return {cell: float(size) for cell, size in sizes.items()}
    sources: dict[str, int] = defaultdict(int)
    questions: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell, size in sizes.items():
        sources[cell[0]] += size
        if cell[3]:
            questions[cell[:3]].append(cell)
    whole = sum(sources.values())
    tempered = sum(size**mix.temper for size in sources.values())
    shares = {}
    for cell, size in sizes.items():
        answers = questions.get(cell[:3], []) if cell[3] else []
        even = sum(sizes[answer] for answer in answers) / len(answers) if answers else float(size)
        scale = whole * sources[cell[0]] ** (mix.temper - 1) / tempered
        shares[cell] = min(even * scale, size * mix.repeat)
    return shares


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
