"""Trackio: a database on this machine; it knows no server unless its own settings name one."""

from collections.abc import Mapping
from typing import Any

from doctorsun.train.watch.trackers import Tracked, library


class Trackio:
    """One run of the project `doctorsun`, gone on with under its own name."""

    keeps = True

    def __init__(self, told: Tracked) -> None:
        trackio = library("trackio")
        self._run: Any = trackio.init(
            project="doctorsun",
            name=f"{told.name}-{told.key[:6]}",
            config=told.config,
            resume="allow",
            embed=False,
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of one step."""
        self._run.log(dict(figures), step=step)

    def sample(self, name: str, text: str, step: int) -> None:
        """Log an answer as text."""
        self._run.log({name: text}, step=step)

    def close(self) -> None:
        """Flush, and end."""
        self._run.finish()


def open_tracker(told: Tracked) -> Trackio:
    """The run of that tracker."""
    return Trackio(told)
