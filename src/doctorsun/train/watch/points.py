"""The lines of a run's files as points of curves: figures and a step that counts through all stages."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.train.ledger import METRICS, TIMINGS
from doctorsun.train.watch.following import Follower, Row
from doctorsun.train.watch.samples import NAME as SAMPLES

_PLACE = {"stage", "name", "step"}
_SPEEDS = ("tokens_per_s", "samples_per_s", "mfu")
Point = tuple[int, dict[str, float], int]
Text = tuple[int, str, str, int]


class Points:
    """What is new in a run's files since it was last asked; every point and text with its number."""

    def __init__(self, out: Path) -> None:
        self._metrics = Follower(out / METRICS)
        self._timings = Follower(out / TIMINGS)
        self._samples = Follower(out / SAMPLES)
        self._speeds: dict[tuple[int, int], Row] = {}
        self._ends: dict[int, int] = {}

    def points(self) -> Iterator[Point]:
        """Number, figures (named STAGE/FIGURE) and step of every new line of metrics, speed among them."""
        for _, row in self._timings.fresh():
            self._speeds[row["stage"], row["step"]] = row
        for number, row in self._metrics.fresh():
            timing = self._speeds.get((row["stage"], row["step"]), {}) if "loss" in row else {}
            known = {name: row[name] for name in row.keys() - _PLACE}
            known |= {name: timing[name] for name in _SPEEDS if timing.get(name) is not None}
            figures = {f"{row['name']}/{name}": float(value) for name, value in sorted(known.items())}
            yield number, figures, self._through(row)

    def texts(self) -> Iterator[Text]:
        """Number, name, text and step of every new answer."""
        for number, row in self._samples.fresh():
            name = f"{row['name']}/{row['lang']}/{row['id']}"
            yield number, name, f"{row['question']}\n\n{row['answer']}", self._through(row)

    def _through(self, row: Row) -> int:
        """The step of a row, those of the stages before it counted in."""
        stage, step = row["stage"], row["step"]
        self._ends[stage] = max(step, self._ends.get(stage, 0))
        return sum(end for number, end in self._ends.items() if number < stage) + int(step)
