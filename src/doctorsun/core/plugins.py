"""A folder is a registry: `find(sources, "busi")` imports `busi.py` of it; entry points add more."""

import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from doctorsun.core.errors import ConfigError


def names(registry: ModuleType) -> list[str]:
    """The names of all components of a registry package, sorted; nothing is imported."""
    own = {info.name for info in pkgutil.iter_modules(registry.__path__) if not info.name.startswith("_")}
    return sorted(own | {point.name for point in _points(registry)})


def find(registry: ModuleType, name: str, *, where: str = "") -> ModuleType:
    """The module of one component; ConfigError names the near one when there is no such component."""
    known = names(registry)
    if name not in known:
        raise ConfigError(
            "core.unknown_component",
            where=where or registry.__name__.rpartition(".")[2],
            found=name,
            near=near(name, known),
        )
    for point in _points(registry):
        if point.name == name:
            module: ModuleType = point.load()
            return module
    return import_module(f"{registry.__name__}.{name}")


def near(name: str, known: list[str]) -> str:
    """The known name that looks most like `name`, else all known names, for a message."""
    return nearest(name, known) or ", ".join(known)


def nearest(name: str, known: list[str]) -> str | None:
    """The known name that looks most like `name`; null where none does."""
    match = get_close_matches(name, known, n=1, cutoff=0.6)
    return match[0] if match else None


@cache
def _points(registry: ModuleType) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=registry.__name__))
