"""The sources that a data set can be made of: what they are, and whether their files are here."""

from dataclasses import dataclass
from pathlib import Path

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card
from doctorsun.data import sources


@dataclass(frozen=True, slots=True)
class Listed:
    """One source: its card, whether a program makes it, and the folder its files were found in."""

    card: Card
    generated: bool
    place: Path | None


def catalog(root: Path | None = None) -> list[Listed]:
    """All sources by name; with a `root` also where their files lie below it."""
    if root is not None and not root.is_dir():
        raise DataError("data.no_folder", where=root)
    listed = []
    for name in plugins.names(sources):
        module = plugins.find(sources, name)
        generated = not hasattr(module, "find")
        place = module.find(root) if root is not None and not generated else None
        listed.append(Listed(module.CARD, generated, place))
    return listed
