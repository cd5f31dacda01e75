"""SwanLab: offline unless the command says --online; `swanlab sync` sends the folder later."""

from collections.abc import Mapping
from typing import Any

from doctorsun.train.watch.trackers import Tracked, library


class SwanLab:
    """One experiment, gone on with under its own id."""

    keeps = True

    def __init__(self, told: Tracked) -> None:
        swanlab = library("swanlab")
        told.folder.mkdir(parents=True, exist_ok=True)
        self._swanlab = swanlab
        self._run: Any = swanlab.init(
            project="doctorsun",
            experiment_name=told.name,
            id=told.key,
            resume="allow",
            logdir=str(told.folder),
            config=told.config,
            mode="cloud" if told.online else "offline",
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of one step."""
        self._run.log(dict(figures), step=step)

    def sample(self, name: str, text: str, step: int) -> None:
        """Log an answer as text."""
        self._run.log({name: self._swanlab.Text(text)}, step=step)

    def close(self) -> None:
        """Flush, and end."""
        self._run.finish()


def open_tracker(told: Tracked) -> SwanLab:
    """The experiment of that tracker."""
    return SwanLab(told)
