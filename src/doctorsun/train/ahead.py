"""Pictures read by threads before a step asks for them.

What is read is a function of the views alone, so that neither the number of threads nor their order decides
a bit.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from torch import Tensor

from doctorsun.train.views import View

S = TypeVar("S")
Views = tuple[View, ...]
_STEPS = 2


class PixelsAhead:
    """`pixels_BCHW` by views; `read` gives them, `workers` threads call it before (none where it is 0).

    `waited_s` is how long steps have waited for pictures, reading included.
    """

    def __init__(self, read: Callable[[Views], Tensor], *, workers: int) -> None:
        self._read = read
        self._pool = ThreadPoolExecutor(workers, "pictures") if workers else None
        self._coming: dict[Views, Future[Tensor]] = {}
        self._asked = False
        self.waited_s = 0.0

    def pixels(self, views: Views) -> Tensor:
        """The pictures of some views, in their order."""
        self._asked = True
        began = time.perf_counter()
        coming = self._coming.pop(views, None)
        found = self._read(views) if coming is None else coming.result()
        self.waited_s += time.perf_counter() - began
        return found

    def follow(self, steps: Iterable[S], batches: Callable[[S], Iterable[Views]]) -> Iterator[S]:
        """The same steps; the pictures of those to come are read meanwhile.

        Nothing is read before the first picture was asked for: a resumed run passes over what is done.
        """
        waiting: deque[S] = deque()
        for step in steps:
            waiting.append(step)
            if self._pool is not None and self._asked:
                for views in batches(step):
                    if views not in self._coming:
                        self._coming[views] = self._pool.submit(self._read, views)
            if self._pool is None or len(waiting) > _STEPS:
                yield waiting.popleft()
        yield from waiting
