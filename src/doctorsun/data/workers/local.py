"""Workers on the cores of this machine: a pool of processes that starts when there is enough to do."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from threading import Thread

from doctorsun.core.errors import DataError
from doctorsun.data.workers import AHEAD, AHEAD_BYTES, Item, Result

# So much work is done by the time that processes have started.
ALONE_BYTES = 8 * 2**20


@dataclass
class LocalWorkers:
    """Some processes, started once more than `ALONE_BYTES` have come; one means this process itself."""

    number: int
    _pool: ProcessPoolExecutor | None = None
    _done: int = 0

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, weigh: Callable[[Item], int]
    ) -> Iterator[Result]:
        """The results in order; DataError where a process was killed, as by a lack of memory."""
        waiting: deque[tuple[Future[Result], int]] = deque()
        under_way = 0
        for item in items:
            size = weigh(item)
            self._done += size
            if self.number == 1 or (self._pool is None and self._done <= ALONE_BYTES):
                yield work(item)
                continue
            waiting.append((self._started().submit(work, item), size))
            under_way += size
            while len(waiting) > AHEAD * self.number or (under_way > AHEAD_BYTES and len(waiting) > 1):
                future, size = waiting.popleft()
                under_way -= size
                yield _result(future)
        while waiting:
            yield _result(waiting.popleft()[0])

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.number, mp_context=get_context("spawn"), initializer=_follow_the_parent
            )
        return self._pool


def _result(future: Future[Result]) -> Result:
    try:
        return future.result()
    except BrokenExecutor:
        raise DataError("data.worker_died") from None


def _follow_the_parent() -> None:
    """Leave interrupts to the parent, and end when it is gone: killed, it cannot end its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
