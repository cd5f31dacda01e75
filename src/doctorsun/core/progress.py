"""What is going on and how long it will take: rooms report here, `cli/` decides how it is shown."""

from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar

T = TypeVar("T")


class Reporter(Protocol):
    """Where progress goes: a bar on a terminal, JSON lines in a pipe, nowhere by default."""

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        """`done` of `total` units of `label` are finished; `values` are figures worth showing beside it."""
        ...

    def note(self, event: str, **values: object) -> None:
        """Something happened that a person would want to know; `event` is a key of `text/`."""
        ...


class _Silent:
    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        """Show nothing."""

    def note(self, event: str, **values: object) -> None:
        """Show nothing."""


_reporter: list[Reporter] = [_Silent()]


def use_reporter(reporter: Reporter) -> None:
    """Send all later progress to `reporter`."""
    _reporter[0] = reporter


def silence() -> None:
    """Show nothing from now on: another process of the same run tells what there is to tell."""
    use_reporter(_Silent())


def reporter() -> Reporter:
    """Where progress goes now."""
    return _reporter[0]


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """The same items, reported one by one; `label` is a key of `text/`."""
    size = total if total is not None else (len(items) if isinstance(items, Sized) else None)
    for done, item in enumerate(items, start=1):
        yield item
        reporter().step(label, done, size)
