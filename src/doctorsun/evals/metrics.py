"""Marks -> results: every metric of every slice with its interval; a metric over nothing is absent.

`image_reliance` is the right image minus another condition on the same questions; for metrics other than
closed accuracy the metric's name follows. Balanced accuracy is the mean recall over the classes of a question
key, then over the keys that have more than one right answer in the split. An answer that cannot be read is
wrong, and counted in `unreadable`.
`head_…` and `knn_…` are baselines, `above_head_…` the model minus a baseline.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import numpy as np

from doctorsun.evals.marks import BALANCED, CLOSED, Baseline, Marks, Metric
from doctorsun.evals.predictions import STRICT, Prediction
from doctorsun.evals.settings import CONDITIONS
from doctorsun.evals.slices import parts
from doctorsun.evals.statistics import Bootstrap, Codes, Estimate, difference, estimates


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. `condition` of a difference is the one that was taken away from the right image."""

    task: str
    split: str
    lang: str
    slice: str
    metric: str
    protocol: str
    condition: str
    n: int
    groups: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Figure:
    metric: str
    condition: str
    estimate: Estimate


def measure(
    rows: Iterable[Prediction],
    *,
    resamples: int,
    seed: int,
    baselines: Mapping[str, Baseline] | None = None,
) -> list[Result]:
    """All results of scored rows, sorted; `baselines` by task."""
    found: list[Result] = []
    scored = sorted((row for row in rows if row.marks is not None), key=lambda row: (row.task, row.split))
    for (task, split), members in groupby(scored, key=lambda row: (row.task, row.split)):
        marks = Marks(list(members), (baselines or {}).get(task, Baseline()))
        counter = _Counter(marks, resamples, seed)
        for lang, name, places in parts(marks.items):
            for figure in counter.figures(np.asarray(places, dtype=np.int64)):
                found.append(_result(task, split, lang, name, figure))
    return sorted(
        found, key=lambda one: (one.task, one.split, one.lang, one.slice, one.metric, one.condition)
    )


def results_json(results: Sequence[Result]) -> str:
    """The text of `results.json`: the same for the same results."""
    return "[\n" + ",\n".join(json.dumps(asdict(one), ensure_ascii=False) for one in results) + "\n]\n"


class _Counter:
    """Counts slices; the same questions under another name of a slice are not counted again."""

    def __init__(self, marks: Marks, resamples: int, seed: int) -> None:
        self._marks = marks
        self._resamples = resamples
        self._seed = seed
        self._known: dict[tuple[str, bytes], list[_Figure]] = {}
        self._drawn: tuple[bytes, Bootstrap] | None = None

    def figures(self, places: Codes) -> list[_Figure]:
        """All figures of the questions at these places."""
        found = self._chances(places)
        for metric in self._marks.metrics:
            chosen = places[~np.isnan(metric.values[places]).all(axis=1)]
            if len(chosen):
                key = (metric.name, chosen.tobytes())
                if key not in self._known:
                    self._known[key] = self._count(metric, chosen)
                found += self._known[key]
        return found

    def _count(self, metric: Metric, chosen: Codes) -> list[_Figure]:
        values, cells = metric.values[chosen], self._marks.cells(metric, chosen.tolist())
        bootstrap = self._bootstrap(chosen)
        found = [
            _Figure(*_name(metric.name, column), estimate)
            for column, estimate in zip(metric.columns, estimates(values, cells, bootstrap), strict=True)
            if estimate is not None
        ]
        if "image" not in metric.columns or metric.name == "unreadable":
            return found
        right = metric.columns.index("image")
        for at, column in enumerate(metric.columns):
            gap = difference(values[:, right], values[:, at], cells, bootstrap) if at != right else None
            if gap is not None:
                found.append(_Figure(*_gap_name(metric.name, column), gap))
        return found

    def _bootstrap(self, chosen: Codes) -> Bootstrap:
        key = chosen.tobytes()
        if self._drawn is None or self._drawn[0] != key:
            groups = list(self._marks.groups[chosen])
            self._drawn = (key, Bootstrap(groups, resamples=self._resamples, seed=self._seed))
        return self._drawn[1]

    def _chances(self, places: Codes) -> list[_Figure]:
        """What a uniform guess scores: among the labels that occur for a question key, among the options."""
        items = [self._marks.items[at] for at in places]
        labels: dict[str, set[str]] = defaultdict(set)
        closed = [item for item in items if item.kind == "closed" and item.question_key and item.label]
        for item in closed:
            labels[item.question_key or ""].add(item.label or "")
        each = [1 / len(labels[item.question_key or ""]) for item in closed]
        per_key = [1 / len(found) for key, found in labels.items() if key in self._marks.judged]
        judged = [item for item in closed if item.question_key in self._marks.judged]
        options = [item for item in items if item.kind == "choice" and item.choices]
        return [
            *_chance("chance_accuracy", each, closed),
            *_chance(f"chance_{BALANCED}", per_key, judged),
            *_chance("chance_choice_accuracy", [1 / len(item.choices) for item in options], options),
        ]


def _chance(name: str, shares: Sequence[float], items: Sequence[Prediction]) -> list[_Figure]:
    if not items:
        return []
    groups = len({item.group for item in items})
    return [_Figure(name, "none", Estimate(float(np.mean(shares)), None, None, len(items), groups))]


def _name(metric: str, column: str) -> tuple[str, str]:
    return (metric, column) if column in CONDITIONS else (f"{column}_{metric}", "image")


def _gap_name(metric: str, column: str) -> tuple[str, str]:
    if column not in CONDITIONS:
        return f"above_{column}_{metric}", "image"
    return ("image_reliance" if metric == CLOSED else f"image_reliance_{metric}"), column


def _result(task: str, split: str, lang: str, part: str, figure: _Figure) -> Result:
    own = figure.estimate
    low, high = (None if bound is None else round(bound, 6) for bound in (own.low, own.high))
    return Result(
        task=task,
        split=split,
        lang=lang,
        slice=part,
        metric=figure.metric,
        protocol=STRICT,
        condition=figure.condition,
        n=own.n,
        groups=own.groups,
        value=round(own.value, 6),
        low=low,
        high=high,
    )
