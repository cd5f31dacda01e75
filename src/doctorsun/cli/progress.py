"""Progress on standard error: lines with the time left on a terminal, JSON lines in a pipe."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TaskID
from rich.text import Text

from doctorsun.cli.sparkline import duration, fitted, sparkline
from doctorsun.core.progress import reporter, use_reporter
from doctorsun.core.strings import language, lines, say

SECONDS_BETWEEN_LINES = 2.0
SPARK_CELLS, BAR_CELLS, KEPT_LOSSES = 24, 24, 512
BESIDE = {"stage", "eta_s"}


class Bars:
    """One line for each thing that goes on, never wider than the terminal; gone when all are done."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False)
        self._column = _Line(self._console)
        self._progress = Progress(self._column, console=self._console, refresh_per_second=4)
        self._tasks: dict[str, TaskID] = {}
        self._live = False

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        """Move the bar of `label`; its first step makes it, its last one ends it."""
        if not self._live:
            self._progress.start()
            self._live = True
        if label not in self._tasks:
            fields: dict[str, Any] = {"label": label, "losses": [], "values": {}}
            self._tasks[label] = self._progress.add_task("", total=total, completed=done, **fields)
        losses = self._progress.tasks[self._progress.task_ids.index(self._tasks[label])].fields["losses"]
        if isinstance(values.get("loss"), float):
            losses.append(values["loss"])
            _halve(losses)
        self._progress.update(self._tasks[label], completed=done, total=total, values=values)
        if done == total:
            del self._tasks[label]
            if not self._tasks:
                self.stop()

    def line(self) -> Text:
        """The line of what came first of all that goes on."""
        return self._column.render(self._progress.tasks[0])

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


class _Line(ProgressColumn):
    """A whole task in one line: what it is, how far, the time left, then its figures while there is room."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._plain = "utf" not in (console.encoding or "").lower()

    def render(self, task: Task) -> Text:
        """The line, as wide as the terminal at most."""
        width = self._console.width - 1
        values = task.fields["values"]
        what = str(values.get("stage") or say(task.fields["label"]))
        done, total = int(task.completed), task.total
        far = f"{done}/{int(total)}" if total is not None else str(done)
        left = _left_s(task, values)
        pieces = [
            what,
            sparkline(task.fields["losses"], SPARK_CELLS, plain=self._plain) or self._bar(task),
            far,
            f"ETA {duration(left)}" if left is not None else "",
            *(f"{figure(name)} {shown(value)}" for name, value in values.items() if name not in BESIDE),
        ]
        return Text(fitted(pieces, width), no_wrap=True, overflow="ellipsis")

    def _bar(self, task: Task) -> str:
        """How far it is, as a bar of text."""
        if not task.total:
            return ""
        full = round(BAR_CELLS * min(1.0, task.completed / task.total))
        dark, light = ("#", "-") if self._plain else ("━", "─")
        return dark * full + light * (BAR_CELLS - full)


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
        _put("step", label, {"done": done, "total": total, "eta_s": eta_s} | values)
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


def figure(name: str) -> str:
    """The name of a figure in the user's language; its own where it has none."""
    key = f"figure_{name}"
    return say(f"cli.{key}") if key in lines(language(), "cli") else name


def shown(value: object) -> str:
    """A figure in few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _left_s(task: Task, values: dict[str, Any]) -> float | None:
    """The seconds left: what the room says, else what the pace so far comes to."""
    told = values.get("eta_s")
    return float(told) if told is not None else task.time_remaining


def _halve(losses: list[float]) -> None:
    """Keep a long course short: two neighbours become their mean."""
    if len(losses) > KEPT_LOSSES:
        pairs = zip(losses[::2], losses[1::2], strict=False)
        losses[:] = [(one + two) / 2 for one, two in pairs]


def _put(event: str, label: str, values: dict[str, object]) -> None:
    time_utc = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"time": time_utc, "event": event, "label": label, **values}
    sys.stderr.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    sys.stderr.flush()
