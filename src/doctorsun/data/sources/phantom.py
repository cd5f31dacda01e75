"""`phantom`: medical pictures made by code, with exactly known facts. Synthetic: no patient anywhere."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Card, Picture, Record
from doctorsun.core.strings import say
from doctorsun.data import phantoms
from doctorsun.data.counts import Counts

SMALLEST_PX = 16
CARD = Card(
    name="phantom",
    title="Phantoms: medical pictures made by code, synthetic",
    licence="CC0-1.0",
    url="",
    languages=("zh", "en"),
    citation="Doctor Sun phantoms, made by code.",
    obtain="made by the program itself; nothing has to be fetched",
    synthetic=True,
    notes="Schematic drawings that show whether the road works. They say nothing about patients.",
    obtain_zh="由程序自行生成，无需下载。",
    size="as many pictures as are asked for",
)


def records(
    root: Path | None = None,
    counts: Counts | None = None,
    *,
    seed: int = 0,
    count: int = 100,
    kinds: str = "",
    px: int = 128,
) -> Iterator[Record]:
    """`count` pictures of every kind, the kinds in turn; each picture is a function of (seed, kind, index).

    `kinds` are names separated by commas, all where empty; ConfigError names the near one, or says that `px`
    is too small. `root` is not read.
    """
    if px < SMALLEST_PX:
        problem = say("core.expected_at_least", limit=SMALLEST_PX)
        raise ConfigError("core.bad_value", where="phantom.px", found=px, problem=problem)
    names = [name.strip() for name in kinds.split(",") if name.strip()] or plugins.names(phantoms)
    drawers = {name: plugins.find(phantoms, name, where="phantom.kinds") for name in names}
    for index in range(count):
        for name, drawer in drawers.items():
            drawing = drawer.draw(_generator(seed, name, index), px)
            own = f"{name}-{seed}-{index:06d}"
            yield Record(
                id=own,
                images=(Picture(drawing.png, f"{own}.png"),),
                facts=drawing.facts,
                modality=drawing.modality,
                anatomy=drawing.anatomy,
                group=own,
            )


def example(folder: Path) -> None:
    """Nothing to write: the pictures come from the program, whatever the folder holds."""


def _generator(seed: int, name: str, index: int) -> np.random.Generator:
    """The generator of one picture; a kind's name counts, not its place in the list of kinds."""
    return np.random.default_rng([seed, *name.encode(), index])
