"""The same function over many items on several processes, in order and with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3


@dataclass
class Workers:
    """Some processes, started when more than `alone` items have come; one means this process itself."""

    number: int
    _pool: ProcessPoolExecutor | None = None

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, alone: int = 0
    ) -> Iterator[Result]:
        """The results in the order of the items, the first `alone` of them made in this process."""
        rest = iter(items)
        for item in islice(rest, alone) if self._pool is None else ():
            yield work(item)
        if self.number == 1:
            yield from map(work, rest)
            return
        waiting: deque[Future[Result]] = deque()
        for item in rest:
            waiting.append(self._started().submit(work, item))
            if len(waiting) > AHEAD * self.number:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.number, mp_context=get_context("spawn"))
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


@contextmanager
def workers(number: int | None) -> Iterator[Workers]:
    """Processes for the time of a block; null means one a core that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    crew = Workers(number or usable)
    try:
        yield crew
    finally:
        crew.close()
