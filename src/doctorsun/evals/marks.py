"""Scored rows as arrays: for every metric a column for each condition and baseline, a row for each question.

Shapes: n questions, K columns; NaN is a question that was not asked so, or that the metric is not for.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from doctorsun.evals.predictions import Prediction
from doctorsun.evals.settings import CONDITIONS
from doctorsun.evals.statistics import Cells, Floats

CLOSED, BALANCED = "closed_accuracy", "balanced_accuracy"
Grid = Sequence[Sequence[Prediction | None]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is answered without the model: each question key's most frequent label, and labels by question id.

    `labels` is by baseline (`knn`, `head`), then by id of the question.
    """

    majority: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """The values [n, K] of one metric; a balanced one is averaged over classes."""

    name: str
    columns: tuple[str, ...]
    values: Floats
    balanced: bool = False


class Marks:
    """The questions of one task and split, and what they scored."""

    def __init__(self, rows: Sequence[Prediction], baseline: Baseline) -> None:
        by_id: dict[str, dict[str, Prediction]] = defaultdict(dict)
        for row in rows:
            by_id[row.id][row.condition] = row
        asked = [by_id[name] for name in sorted(by_id)]
        self.items = [next(iter(conditions.values())) for conditions in asked]
        self.groups = np.asarray([item.group for item in self.items], dtype=object)
        conditions = tuple(name for name in CONDITIONS if any(name in found for found in asked))
        grid = [[found.get(name) for name in conditions] for found in asked]
        self.metrics = [Metric(name, conditions, _values(grid, value)) for name, value in _VALUES.items()]
        closed = self.metrics[0]
        taught = tuple(sorted(baseline.labels))
        beside = [_agree(self.items, baseline.labels[name]) for name in taught]
        values = np.concatenate([closed.values, *beside], axis=1)
        self.judged = _judged(self.items)
        keyed = np.asarray([item.question_key in self.judged for item in self.items])
        balanced = np.where(keyed[:, None], values, np.nan)
        self.metrics[0] = Metric(CLOSED, (*conditions, *taught), values)
        self.metrics.append(Metric(BALANCED, (*conditions, *taught), balanced, balanced=True))
        most = {item.id: baseline.majority.get(item.question_key or "", "") for item in self.items}
        self.metrics.append(Metric("majority_accuracy", ("none",), _agree(self.items, most)))

    def cells(self, metric: Metric, places: Sequence[int]) -> Cells:
        """Where the questions at these places count."""
        if not metric.balanced:
            return Cells.single(len(places))
        items = [self.items[at] for at in places]
        return Cells.classes(
            [item.question_key or "" for item in items], [item.label or "" for item in items]
        )


def _values(grid: Grid, value: Callable[[Prediction], float | None]) -> Floats:
    """The value of every row of the grid, NaN where there is none."""
    return np.asarray(
        [[np.nan if row is None or (got := value(row)) is None else got for row in line] for line in grid],
        dtype=np.float64,
    ).reshape(len(grid), -1)


def _judged(items: Sequence[Prediction]) -> frozenset[str]:
    """The keys of closed questions with more than one right answer: of one alone nothing is balanced."""
    labels: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.kind == "closed" and item.question_key and item.label:
            labels[item.question_key].add(item.label)
    return frozenset(key for key, found in labels.items() if len(found) > 1)


def _agree(items: Sequence[Prediction], labels: Mapping[str, str]) -> Floats:
    """1 where a label was given and is the right one, 0 where it is another, NaN without one; [n, 1]."""
    found = [
        float(labels[item.id] == item.label)
        if item.kind == "closed" and item.label is not None and labels.get(item.id)
        else np.nan
        for item in items
    ]
    return np.asarray(found, dtype=np.float64)[:, None]


def _of_kind(kind: str, row: Prediction) -> float | None:
    return (row.mark or 0.0) if row.kind == kind else None


def _unreadable(row: Prediction) -> float | None:
    return float(row.mark is None) if row.kind in {"closed", "choice"} else None


def _is_open(row: Prediction) -> bool:
    return row.kind == "open" or (row.kind is None and row.genre in {"vqa", "qa", "dialogue"})


_VALUES: dict[str, Callable[[Prediction], float | None]] = {
    CLOSED: lambda row: _of_kind("closed", row),
    "choice_accuracy": lambda row: _of_kind("choice", row),
    "unreadable": _unreadable,
    "open_f1": lambda row: row.f1 if _is_open(row) else None,
    "open_f1_word": lambda row: row.f1_word if _is_open(row) else None,
    "open_exact": lambda row: row.mark if _is_open(row) else None,
    "caption_f1": lambda row: row.f1 if row.genre == "caption" and not _is_open(row) else None,
    "report_f1": lambda row: row.f1 if row.genre == "report" and not _is_open(row) else None,
}
