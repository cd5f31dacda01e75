"""Workers on Ray: an existing cluster, or one that is started on this machine for the time of a build.

Files are handed over by their places, so every machine of the cluster must see the same folders, and have
this package.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from doctorsun.core.errors import DataError, MissingExtra
from doctorsun.data.workers import AHEAD, AHEAD_BYTES, Item, Result, cores

STORE_BYTES = 512 * 2**20


class RayWorkers:
    """The processes of a Ray cluster; `number` null means one a core of the cluster."""

    def __init__(self, number: int | None, *, address: str | None) -> None:
        """Join the cluster at `address`, else start one here; MissingExtra or DataError where that fails."""
        try:
            import ray
        except ImportError:
            raise MissingExtra("data.engine=ray", "ray") from None
        self._ray: Any = ray
        started: dict[str, Any] = {"num_cpus": number or cores(), "object_store_memory": STORE_BYTES}
        try:
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else started),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise DataError("data.no_cluster", where=address or "local", problem=error) from None
        self.number = number or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, weigh: Callable[[Item], int]
    ) -> Iterator[Result]:
        """The results in order; DataError where a machine was lost and its work could not be done again."""
        task = self._ray.remote(num_cpus=1)(work)
        waiting: deque[tuple[Any, int]] = deque()
        under_way = 0
        for item in items:
            size = weigh(item)
            waiting.append((task.remote(item), size))
            under_way += size
            while len(waiting) > AHEAD * self.number or (under_way > AHEAD_BYTES and len(waiting) > 1):
                found, size = waiting.popleft()
                under_way -= size
                yield self._result(found)
        while waiting:
            yield self._result(waiting.popleft()[0])

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()

    def _result(self, found: Any) -> Any:  # noqa: ANN401 - what a task gives back
        try:
            return self._ray.get(found)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError:
            raise DataError("data.worker_died") from None
