"""The same function over many items, in order, with bounded memory: on this machine's cores, or on Ray.

What is run is a pure function of its item and of files: which engine ran it, and on how many processes,
leaves no trace in what it makes.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from doctorsun.data.config import DataConfig

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items under way for each process, so that none waits for the next; and their bytes all together.
AHEAD = 3
AHEAD_BYTES = 256 * 2**20


class Workers(Protocol):
    """Some processes that run functions of this package."""

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, weigh: Callable[[Item], int]
    ) -> Iterator[Result]:
        """The results in the order of the items; `weigh` tells about how many bytes of work an item is."""
        ...

    def close(self) -> None:
        """End the processes."""
        ...


@contextmanager
def workers(config: DataConfig) -> Iterator[Workers]:
    """The workers of a recipe for the time of a block; MissingExtra where Ray is asked for and not there."""
    crew = _of(config)
    try:
        yield crew
    finally:
        crew.close()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _of(config: DataConfig) -> Workers:
    if config.engine == "ray":
        from doctorsun.data.workers.cluster import RayWorkers

        return RayWorkers(config.workers, address=config.ray_address)
    from doctorsun.data.workers.local import LocalWorkers

    return LocalWorkers(config.workers or cores())
