"""The sources that a data set can be made of: what they are, and what of them lies on this disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card
from doctorsun.data import sources
from doctorsun.data.origins import options_of
from doctorsun.data.reading import walked_once


@dataclass(frozen=True, slots=True)
class Listed:
    """One source: its card, and the folder its files were found in with how much is there.

    A program makes it where it is `generated`; a `reader` reads files of the user's own that a recipe names.
    """

    card: Card
    generated: bool
    place: Path | None
    reader: bool = False
    files: int = 0
    bytes: int = 0
    options: Mapping[str, object] = field(default_factory=dict)


def catalog(root: Path | None = None) -> list[Listed]:
    """All sources by name; with a `root` also where their files lie below it, and how many."""
    _check(root)
    with walked_once():
        return [_listed(plugins.find(sources, name), root) for name in plugins.names(sources)]


def entry(name: str, root: Path | None = None) -> Listed:
    """One source as the catalog has it; ConfigError names the near one."""
    module = plugins.find(sources, name)
    _check(root)
    return _listed(module, root)


def _check(root: Path | None) -> None:
    if root is not None and not root.is_dir():
        raise DataError("data.no_folder", where=root)


def _listed(module: ModuleType, root: Path | None) -> Listed:
    generated = not hasattr(module, "find")
    place = module.find(root) if root is not None and not generated else None
    files, size = _held(place) if place is not None else (0, 0)
    reader = bool(getattr(module, "READER", False))
    return Listed(module.CARD, generated, place, reader, files, size, options_of(module))


def _held(place: Path) -> tuple[int, int]:
    """How many files a folder and all folders in it hold, and their bytes."""
    files = size = 0
    for folder, _, names in os.walk(place):
        files += len(names)
        size += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)  # noqa: PTH118 - millions
    return files, size
