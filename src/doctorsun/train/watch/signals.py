"""Asked to stop: a run ends its step, saves and says so; Ctrl-C twice stops it at once.

SIGINT is a person, SIGTERM a scheduler (Slurm, Kubernetes), SIGHUP a terminal that was closed.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from doctorsun.core.progress import reporter

PERSON = signal.SIGINT
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL = 128
STOPPED_BY_PERSON = 2


class Stop(KeyboardInterrupt):
    """What is under way may be given up; as a KeyboardInterrupt no library swallows it."""


class Interrupt:
    """While open, the first signal is kept in `seen`, or ends what can be; the second Ctrl-C ends all.

    What was told to be ignored (nohup) stays ignored. Outside the main thread nothing is changed.
    `alone` is false where other processes wait for this one: then nothing is given up half way.
    """

    def __init__(self, *, alone: bool = True) -> None:
        self._number: int | None = None
        self._alone = alone
        self._gives_up = alone
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for number in ASKING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @property
    def seen(self) -> bool:
        """Whether a signal has come."""
        return self._number is not None

    @property
    def exit_code(self) -> int:
        """2 where a person stopped it, else what a shell says of the signal: 143 for SIGTERM."""
        return STOPPED_BY_PERSON if self._number in (None, PERSON) else _SHELL + int(self._number or 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block that asks `seen` itself, and is not broken off."""
        with self._giving_up(False):
            yield

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """A block that changes nothing, so that a signal ends it at once, by `Stop`."""
        with self._giving_up(self._alone):
            yield

    @contextmanager
    def _giving_up(self, now: bool) -> Iterator[None]:
        if now and self.seen:
            raise Stop
        before, self._gives_up = self._gives_up, now
        try:
            yield
        finally:
            self._gives_up = before

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self._number == PERSON == number:
            raise KeyboardInterrupt
        first = not self.seen
        if first or number == PERSON:
            self._number = number
        if first and not self._gives_up:
            reporter().note("train.stopping" if number == PERSON else "train.stopping_told")
        if self._gives_up:
            raise Stop
