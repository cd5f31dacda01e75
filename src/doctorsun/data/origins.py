"""A source as a recipe names it: its module, its card, its folder, and what tells its states apart."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.core.schema import Card, Record
from doctorsun.core.strings import say
from doctorsun.data import sources
from doctorsun.data.config import DataConfig, SourceConfig
from doctorsun.data.counts import Counts
from doctorsun.data.fingerprint import code_fingerprint, module_fingerprint
from doctorsun.data.licences import spdx

# What the checks of a record depend on.
_ASKED = frozenset({"seed", "langs", "licences", "pictures", "text", "near"})


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a recipe; `place` is null where it is absent, or where a program makes it."""

    name: str
    module: ModuleType
    card: Card
    config: SourceConfig
    place: Path | None

    @property
    def generated(self) -> bool:
        """Whether a program makes it, so that there is nothing to find."""
        return not hasattr(self.module, "find")

    def records(self, seed: int, counts: Counts) -> Iterator[Record]:
        """The records of the source from the first on."""
        options: dict[str, Any] = dict(self.config.options)
        if self.place is None:
            options = {"seed": seed, **options}
        found: Iterator[Record] = self.module.records(self.place, counts, **options)
        return found


def origin(name: str, config: DataConfig, said: SourceConfig) -> Origin:
    """The source `name`; ConfigError where it or an option is unknown, DataError without a folder."""
    where = f"{config.name}: data.sources"
    module = plugins.find(sources, said.reader or name, where=where)
    _check_options(module, said, where=f"{where}.{name}.options")
    return Origin(name, module, _card(name, module, said), said, _place(module, said, config))


def state(source: Origin, config: DataConfig) -> str:
    """Changes with the code, what the recipe says of this source, and the source's files."""
    said = config.model_dump_json(include=set(_ASKED))
    own = source.config.model_dump_json(exclude={"path", "optional"})
    digest = hashlib.sha256(f"{code_fingerprint()}{module_fingerprint(source.module)}{said}{own}".encode())
    for folder, below, files in os.walk(source.place) if source.place else ():
        below.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)  # noqa: PTH118 - there may be millions
            found = os.lstat(path)
            digest.update(os.fsencode(path) + f"\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    if hasattr(source.module, "state"):
        # What lies elsewhere, such as the key of a hospital and what a person approved.
        digest.update(source.module.state(source.place, **source.config.options).encode())
    return digest.hexdigest()[:16]


def _card(name: str, module: ModuleType, said: SourceConfig) -> Card:
    """The card of the source, with what the recipe says of this very folder."""
    card: Card = module.CARD
    told = {
        "licence": said.licence and spdx(said.licence),
        "title": said.title or (name if said.reader else None),
        "general": said.general,
    }
    changed: dict[str, Any] = {field: value for field, value in told.items() if value is not None}
    return replace(card, name=name, **changed)


def _place(module: ModuleType, said: SourceConfig, config: DataConfig) -> Path | None:
    """The folder of the source; null where there is none, or where a program makes it."""
    if not hasattr(module, "find"):
        return None
    if config.root is None and not (said.path and said.path.is_absolute()):
        raise DataError("data.no_root", where=config.name)
    if config.root is not None and not config.root.is_dir():
        raise DataError("data.no_folder", where=config.root)
    if said.path is not None:
        place = (config.root or Path()) / said.path
        if not place.is_dir() and said.optional:
            return None
        if not place.is_dir():
            raise DataError("data.no_folder", where=place)
        return place
    found: Path | None = module.find(config.root)
    return found


def _check_options(module: ModuleType, config: SourceConfig, *, where: str) -> None:
    """Raise ConfigError where a source has no such option, or has another kind of value for it."""
    known = options_of(module)
    for name, found in config.options.items():
        if name not in known:
            near = plugins.near(name, [*known]) or "-"
            raise ConfigError("core.unknown_key", where=where, found=name, near=near)
        if type(found) is not type(known[name]):
            problem = say("core.expected_text" if isinstance(known[name], str) else "core.expected_integer")
            raise ConfigError("core.bad_value", where=f"{where}.{name}", found=repr(found), problem=problem)


def options_of(module: ModuleType) -> dict[str, Any]:
    """The options of a source with their defaults: of its dataclass `Options`, else of its `records`."""
    if hasattr(module, "Options"):
        return {each.name: each.default for each in fields(module.Options)}
    asked = signature(module.records).parameters.values()
    return {each.name: each.default for each in asked if each.kind is each.KEYWORD_ONLY}
