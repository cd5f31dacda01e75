"""The curves of a run: one JSON line a step, cut back on resume so that it writes the same bytes."""

import json
import os
from pathlib import Path

from doctorsun.core.files import storage_errors

METRICS, TIMINGS = "metrics.jsonl", "timings.jsonl"


class Ledger:
    """`metrics.jsonl` holds figures that are the same in every run of a recipe; `timings.jsonl` the rest.

    `writes` is true in the main process alone; the others write nothing and know no size.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self._metrics = folder / METRICS
        self._timings = folder / TIMINGS
        self._writes = writes

    def add(self, row: dict[str, object], *, timing: dict[str, object] | None = None) -> None:
        """Append one line to the metrics and, if given, one to the timings."""
        if not self._writes:
            return
        _append(self._metrics, row)
        if timing is not None:
            _append(self._timings, timing)

    def size(self) -> int:
        """The bytes of the metrics so far, made durable: what a checkpoint remembers."""
        if not self._writes or not self._metrics.exists():
            return 0
        with storage_errors(self._metrics), self._metrics.open("rb") as file:
            os.fsync(file.fileno())
            return file.seek(0, os.SEEK_END)

    def cut(self, size: int) -> None:
        """Forget the lines that were written after a checkpoint of `size`."""
        if self._writes and self._metrics.exists():
            with storage_errors(self._metrics):
                os.truncate(self._metrics, size)


def _append(path: Path, row: dict[str, object]) -> None:
    with storage_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
