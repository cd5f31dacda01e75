"""Progress on standard error: bars with the time left on a terminal, JSON lines in a pipe."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from doctorsun.core.progress import reporter, use_reporter
from doctorsun.core.strings import say

SECONDS_BETWEEN_LINES = 2.0


class Bars:
    """One bar for each thing that goes on; the bars are gone when all are done."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", style="dim"),
        )
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._progress = Progress(*columns, console=self._console)
        self._tasks: dict[str, TaskID] = {}
        self._live = False

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        """Move the bar of `label`; its first step makes it, its last one ends it."""
        if not self._live:
            self._progress.start()
            self._live = True
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(say(label), total=total, figures="", completed=done)
        self._progress.update(self._tasks[label], completed=done, total=total, figures=_figures(values))
        if done == total:
            del self._tasks[label]
            if not self._tasks:
                self.stop()

    def note(self, event: str, **values: object) -> None:
        """Print the sentence above the bars."""
        self._console.print(say(event, **values))

    def stop(self) -> None:
        """Leave the bars as they stand and give the terminal back."""
        if self._live:
            self._progress.stop()
            self._live = False
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._tasks.clear()


class Lines:
    """One JSON object a line, at most one in two seconds for each thing that goes on, and always its last."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, float] = {}

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        """Write how far `label` is, and how many seconds are left."""
        now = time.monotonic()
        began, done_then = self._first.setdefault(label, (now, done))
        last = done == total
        if not last and now - self._last.get(label, -1e9) < SECONDS_BETWEEN_LINES:
            return
        self._last[label] = now
        pace = (now - began) / (done - done_then) if done > done_then else None
        eta_s = round(pace * (total - done), 1) if pace is not None and total is not None else None
        _put("step", label, {"done": done, "total": total, "eta_s": eta_s, **values})
        if last:
            del self._first[label], self._last[label]

    def note(self, event: str, **values: object) -> None:
        """Write the sentence with its values."""
        _put("note", event, {"text": say(event, **values), **values})

    def stop(self) -> None:
        """Nothing stays open."""


@contextmanager
def shown_progress() -> Iterator[None]:
    """While the block runs, what the rooms report is shown on standard error."""
    shown: Bars | Lines = Bars() if sys.stderr.isatty() else Lines()
    use_reporter(shown)
    try:
        yield
    finally:
        shown.stop()


def settle() -> None:
    """End the bars that still stand, before something else is printed."""
    shown = reporter()
    if isinstance(shown, Bars):
        shown.stop()


def _figures(values: dict[str, object]) -> str:
    return "  ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )


def _put(event: str, label: str, values: dict[str, object]) -> None:
    time_utc = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"time": time_utc, "event": event, "label": label, **values}
    sys.stderr.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    sys.stderr.flush()
