"""What the runs below a folder have written: metrics, timings, status, recipe, answers to fixed samples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from doctorsun.train.ledger import METRICS, TIMINGS
from doctorsun.train.watch.following import Row, rows_of
from doctorsun.train.watch.samples import NAME as SAMPLES
from doctorsun.train.watch.status import Told, read_status

STATUS = "status.json"
Place = tuple[int, int]


@dataclass(frozen=True)
class Run:
    """One run's folder, read when it is asked."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @cached_property
    def lines(self) -> list[Row]:
        """The lines of its metrics; what was trained twice stands once."""
        found: dict[tuple[Any, ...], Row] = {}
        for row in rows_of(self.folder / METRICS):
            found[row.get("stage"), row.get("step"), "loss" in row] = row
        return list(found.values())

    @cached_property
    def told(self) -> Told | None:
        """What its status says; null for a run of an older version."""
        return read_status(self.folder)

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """Its recipe as a tree of values."""
        path = self.folder / "recipe.yaml"
        found: object = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
        return found if isinstance(found, dict) else {}

    @cached_property
    def samples(self) -> list[Row]:
        """What it answered to its fixed samples as it learned."""
        return list(rows_of(self.folder / SAMPLES))

    @cached_property
    def timings(self) -> dict[Place, Row]:
        """The speed of every logged step; what was trained twice counts as it was the last time."""
        return {(row["stage"], row["step"]): row for row in rows_of(self.folder / TIMINGS)}

    @property
    def has_model(self) -> bool:
        """Whether it has left a model."""
        return (self.folder / "model" / "config.json").is_file()

    @property
    def state(self) -> str:
        """running, stopped, finished, failed or dead."""
        if self.told is not None:
            return self.told.state
        return "finished" if self.has_model else "stopped"

    def row(self) -> dict[str, object]:
        """What the table shows of it."""
        figures: Mapping[str, Any] = self.told.figures if self.told else {}
        last: Row = next((row for row in reversed(self.lines) if "loss" in row), {})
        best = [float(row["validation_loss"]) for row in self.lines if row.get("validation_loss") is not None]
        return {
            "name": self.name,
            "status": self.state,
            "stage": stage_name(last) if last else None,
            "step": last.get("step"),
            "total": figures.get("total") or self._total(last),
            "eta_s": figures.get("eta_s") if self.state == "running" else None,
            "loss": last.get("loss"),
            "best": min(best) if best else None,
            "model": self.has_model,
        }

    def courses(
        self, figure: str
    ) -> Iterator[tuple[str, dict[str, list[float]], list[float], dict[str, float]]]:
        """For each stage its name, places on every axis, values, and where the stage begins on every axis."""
        begins = {"step": 0.0, "time_s": 0.0, "tokens": 0.0}
        for stage, rows in self._stages().items():
            places = self._places(rows)
            values = [
                (at, value) for at, row in enumerate(rows) if (value := self._value(row, figure)) is not None
            ]
            if values:
                x = {axis: [found[at] for at, _ in values] for axis, found in places.items()}
                yield stage, x, [value for _, value in values], dict(begins)
            begins = {axis: begins[axis] + (found[-1] if found else 0.0) for axis, found in places.items()}

    def stages(self) -> list[str]:
        """The names of the stages that have begun."""
        return list(self._stages())

    def _stages(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self.lines:
            found.setdefault(stage_name(row), []).append(row)
        return found

    def _places(self, rows: list[Row]) -> dict[str, list[float]]:
        """Where the lines of a stage stand: by step, by seconds of training, by tokens read."""
        seconds = tokens = 0.0
        before = 0
        places: dict[str, list[float]] = {"step": [], "time_s": [], "tokens": []}
        for row in rows:
            if "loss" in row:
                seconds += float(self.timings.get((row["stage"], row["step"]), {}).get("seconds", 0.0))
                tokens += float(row.get("tokens", 0)) * (row["step"] - before)
                before = row["step"]
            places["step"].append(float(row["step"]))
            places["time_s"].append(seconds)
            places["tokens"].append(tokens)
        return places

    def _value(self, row: Row, figure: str) -> float | None:
        value = row.get(figure)
        if value is None and "loss" in row:
            value = self.timings.get((row["stage"], row["step"]), {}).get(figure)
        return float(value) if isinstance(value, int | float) else None

    def _total(self, last: Row) -> int | None:
        stages = self.recipe.get("stages", [])
        number = last.get("stage")
        return stages[number - 1].get("steps") if number and number <= len(stages) else None


def runs_below(folder: Path) -> list[Run]:
    """The runs of a folder by name: whatever has begun to train."""
    places = {path.parent for mark in (METRICS, STATUS) for path in folder.glob(f"*/{mark}")}
    return [Run(place) for place in sorted(places)]


def stage_name(row: Row) -> str:
    """The number and the name of the stage that a line belongs to."""
    return f"{row.get('stage', '')} {row.get('name', '')}".strip()


def flat(tree: object, *, at: str = "") -> dict[str, object]:
    """The leaves of a tree of values by their dotted places."""
    if isinstance(tree, Mapping):
        pairs = list(tree.items())
    elif isinstance(tree, list):
        pairs = list(enumerate(tree))
    else:
        return {at: tree}
    found: dict[str, object] = {}
    for key, value in pairs:
        found |= flat(value, at=f"{at}.{key}".lstrip("."))
    return found


def differences(runs: list[Run]) -> dict[str, list[object]]:
    """The keys in which the recipes differ, each with its value in every run; null where it has none."""
    trees = [flat(run.recipe) for run in runs]
    keys = dict.fromkeys(key for tree in trees for key in tree)
    rows = {key: [tree.get(key) for tree in trees] for key in keys}
    return {key: values for key, values in rows.items() if any(a != b for a, b in pairwise(values))}
