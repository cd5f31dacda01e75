"""Work done by threads ahead of who asks for it, in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

S = TypeVar("S")
R = TypeVar("R")


def in_threads(function: Callable[[S], R], items: Iterable[S], *, workers: int) -> Iterator[R]:
    """What `function` makes of each item, in their order; `workers` threads work ahead of it."""
    if not workers:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers, "decoding"))
        stack.callback(lambda: [coming.cancel() for coming in waiting])
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
