"""Trackers such as TensorBoard follow `metrics.jsonl`; how far each has read is kept: nothing is sent twice.

A resumed run writes the same bytes again, so a place in the file means the same point for ever. Each tracker
is `reporters/NAME.py` with `open_tracker(Tracked) -> Tracker`. No text goes to one unless it is asked for.
"""

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from doctorsun.core.errors import MissingExtra
from doctorsun.core.files import storage_errors, write_soon
from doctorsun.core.plugins import find
from doctorsun.train.recipe import Recipe
from doctorsun.train.watch import reporters
from doctorsun.train.watch.points import Point, Points, Text

FOLDER, PLACES = "trackers", "places.json"
FOLLOW_S = 2.0
KEY_LENGTH = 21  # what SwanLab asks of an id


class Tracker(Protocol):
    """One experiment tracker, opened for one run."""

    @property
    def keeps(self) -> bool:
        """Whether it still has what an earlier process sent; else it gets all from the start."""
        ...

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Take the figures of one step; steps count through all stages."""
        ...

    def sample(self, name: str, text: str, step: int) -> None:
        """Take what the model answers to one sample; called only where the recipe asks for it."""
        ...

    def close(self) -> None:
        """Flush, and end."""
        ...


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracker is told of a run; `key` is the same whenever it goes on; `folder` is its own."""

    name: str
    key: str
    folder: Path
    config: dict[str, Any]
    online: bool


def library(name: str) -> Any:  # noqa: ANN401 - a module that is not installed everywhere
    """The module of a tracker; MissingExtra says how to install it."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtra(f"report_to: {name}", name) from None


class Trackers:
    """All trackers that a recipe names, as a context."""

    def __init__(self, recipe: Recipe, out: Path, *, online: bool) -> None:
        self._recipe = recipe
        self._folder = out / FOLDER
        self._online = online
        self._points = Points(out)
        self._open: dict[str, Tracker] = {}
        self._state: dict[str, Any] = {}
        self._followed = -FOLLOW_S
        self._closing = ExitStack()

    def __enter__(self) -> "Trackers":
        if not self._recipe.report_to:
            return self
        path = self._folder / PLACES
        known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        self._state = {"key": known.get("key") or secrets.token_hex(11)[:KEY_LENGTH], "sent": {}}
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        for name in self._recipe.report_to:
            module = find(reporters, name, where="report_to")
            tracker: Tracker = module.open_tracker(self._told(name))
            self._closing.callback(tracker.close)
            self._open[name] = tracker
            kept = known.get("sent", {}).get(name) if tracker.keeps else None
            self._state["sent"][name] = kept or {"points": 0, "texts": 0}
        return self

    def __exit__(self, *_: object) -> None:
        with self._closing:
            self.follow(now=True)
        self._open.clear()

    def follow(self, *, now: bool = False) -> None:
        """Send each tracker what it does not have; at most every two seconds, unless `now`."""
        if not self._open or (not now and time.monotonic() - self._followed < FOLLOW_S):
            return
        self._followed = time.monotonic()
        points = list(self._points.points())
        texts = list(self._points.texts()) if self._recipe.report_samples else []
        fresh: dict[str, tuple[list[Point], list[Text]]] = {}
        for name in self._open:
            sent = self._state["sent"][name]
            fresh[name] = (
                [point for point in points if point[0] >= sent["points"]],
                [text for text in texts if text[0] >= sent["texts"]],
            )
            sent["points"] = max([sent["points"], *(point[0] + 1 for point in points)])
            sent["texts"] = max([sent["texts"], *(text[0] + 1 for text in texts)])
        # Noted before it is sent: a kill in between loses a point, and never draws it twice.
        write_soon(self._folder / PLACES, json.dumps(self._state) + "\n")
        for name, tracker in self._open.items():
            for _, figures, step in fresh[name][0]:
                tracker.log(figures, step)
            for _, label, text, step in fresh[name][1]:
                tracker.sample(label, text, step)

    def _told(self, name: str) -> Tracked:
        tree = self._recipe.model_dump(mode="json", include={"name", "seed", "model", "stages"})
        folder = self._folder / name
        return Tracked(self._recipe.name, self._state["key"], folder, tree, self._online)
