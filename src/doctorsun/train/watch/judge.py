"""Which step is the best by a validation score, and when waiting for a better one is over."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

from doctorsun.core.errors import TrainError
from doctorsun.train.recipe import StageConfig

VALIDATION_LOSS = "validation_loss"


class Judge:
    """The history of a stage's scores; it goes into every checkpoint, so a resumed run judges the same."""

    def __init__(self, stage: StageConfig, state: Mapping[str, Any] | None = None) -> None:
        self._keep = stage.keep_best
        self._early = stage.early_stop
        self._label = stage.name or stage.kind
        known = state or {}
        self._best: dict[str, Any] | None = known.get("best")
        self._waiting: dict[str, Any] | None = known.get("waiting")

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {"best": self._best, "waiting": self._waiting}

    @property
    def best_step(self) -> int | None:
        """The step with the best score so far, where the stage keeps it."""
        return int(self._best["step"]) if self._best else None

    @property
    def best(self) -> float | None:
        """The best score so far, where the stage keeps it."""
        return float(self._best["score"]) if self._best else None

    @property
    def over(self) -> bool:
        """Whether the score has not become better for as long as the recipe waits."""
        early = self._early
        return early is not None and self._waiting is not None and self._waiting["for"] >= early.patience

    def hear(self, step: int, scores: Mapping[str, float]) -> None:
        """Take the scores of one validation; TrainError names a score that is not among them."""
        if self._keep is not None:
            score = self._score(self._keep, scores)
            before = self._best["score"] if self._best else None
            if _gain(self._keep, score, before) > 0:
                self._best = {"step": step, "score": score}
        if self._early is not None:
            metric = self._early.metric
            score = self._score(metric, scores)
            waiting = self._waiting or {"score": None, "for": 0}
            if _gain(metric, score, waiting["score"]) > self._early.min_delta:
                self._waiting = {"score": score, "for": 0}
            else:
                self._waiting = {"score": waiting["score"], "for": waiting["for"] + 1}

    def _score(self, metric: str, scores: Mapping[str, float]) -> float:
        if metric not in scores:
            known = ", ".join(scores) or "-"
            raise TrainError("train.no_score", stage=self._label, found=metric, known=known)
        return scores[metric]


def _gain(metric: str, score: float, before: float | None) -> float:
    """By how much a score is better than one before: losses should fall, all else should rise.

    The first one is better than none; what is not finite is never better.
    """
    if not isfinite(score):
        return -inf
    if before is None:
        return inf
    return before - score if metric.endswith("loss") else score - before
