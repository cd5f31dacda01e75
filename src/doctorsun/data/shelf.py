"""The hidden folder beside a data set where parts of a build are found again, and the lock on it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from doctorsun.core.errors import DataError
from doctorsun.core.files import storage_errors


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where parts of a build are kept while it is made, and after it where the recipe says so."""

    place: Path
    met: set[Path] = field(default_factory=set)

    @property
    def blocks(self) -> Path:
        """The folder of the blocks."""
        return self.place / "blocks"

    @property
    def shards(self) -> Path:
        """The folder of the shards."""
        return self.place / "shards"

    def use(self, path: Path) -> Path:
        """The same path, which `clear` leaves."""
        self.met.add(path)
        return path

    def clear(self) -> None:
        """Remove what this build did not use."""
        for path in sorted(self.place.rglob("*")):
            if path.is_file() and path not in self.met:
                path.unlink()


@contextmanager
def shelf_of(place: Path, *, keep: bool) -> Iterator[Shelf]:
    """The shelf of the data set at `place`, for this build alone; DataError where another one is on the way.

    A build that ends well leaves on it what it used, or removes it; one that does not leaves everything.
    """
    shelf = Shelf(place.with_name(f".{place.name}.sources"))
    with storage_errors(shelf.place):
        for folder in (shelf.blocks, shelf.shards):
            folder.mkdir(parents=True, exist_ok=True)
        lock = shelf.use(shelf.place / "lock").open("a")
    with lock:
        if not _locked(lock):
            raise DataError("data.being_built", where=place)
        yield shelf
        with storage_errors(shelf.place):
            shelf.clear()
        if not keep:
            shutil.rmtree(shelf.place, ignore_errors=True)


def _locked(lock: IO[str]) -> bool:
    """Whether the lock is had now; one that another build removed with its folder is none."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    path = Path(lock.name)
    return path.is_file() and os.path.samestat(path.stat(), os.fstat(lock.fileno()))
