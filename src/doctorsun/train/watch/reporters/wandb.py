"""Weights & Biases: offline unless the command says --online; `wandb sync` sends the folder later."""

from collections.abc import Mapping
from typing import Any

from doctorsun.train.watch.trackers import Tracked, library


class Wandb:
    """One run, gone on with under its own id; neither code, console nor machine figures are collected."""

    keeps = True

    def __init__(self, told: Tracked) -> None:
        wandb = library("wandb")
        told.folder.mkdir(parents=True, exist_ok=True)
        quiet = wandb.Settings(console="off", disable_git=True, disable_code=True, x_disable_stats=True)
        self._wandb = wandb
        self._run: Any = wandb.init(
            project="doctorsun",
            name=told.name,
            id=told.key,
            resume="allow",
            dir=str(told.folder),
            config=told.config,
            mode="online" if told.online else "offline",
            settings=quiet,
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of one step."""
        self._run.log(dict(figures), step=step)

    def sample(self, name: str, text: str, step: int) -> None:
        """Log an answer as HTML-free text."""
        self._run.log({name: self._wandb.Table(columns=["answer"], data=[[text]])}, step=step)

    def close(self) -> None:
        """Flush, and end."""
        self._run.finish()


def open_tracker(told: Tracked) -> Wandb:
    """The run of that tracker."""
    return Wandb(told)
