"""Shown is what the interval shows, not what the value suggests."""

import pytest

from doctorsun.evals.metrics import Result
from doctorsun.evals.verdicts import verdicts

BALANCED, GAP = ("balanced_accuracy", "image"), ("image_reliance_balanced_accuracy", "shuffled")


def result(place: tuple[str, str], value: float, low: float | None, *, groups: int = 40) -> Result:
    metric, condition = place
    high = None if low is None else 2 * value - low
    return Result("t", "test", "zh", "question=k", metric, "strict", condition, 80, groups, value, low, high)


@pytest.mark.parametrize(
    ("low", "gap_low", "groups", "shown"),
    [
        (0.55, 0.05, 40, True),
        (0.50, 0.05, 40, False),
        (0.45, 0.05, 40, False),
        (0.55, 0.00, 40, False),
        (0.55, -0.05, 40, False),
        (0.55, 0.05, 9, False),
        (None, 0.05, 40, False),
    ],
)
def test_both_lower_bounds_decide(low: float | None, gap_low: float, groups: int, shown: bool):
    chance = result(("chance_balanced_accuracy", "none"), 0.5, None)
    rows = [chance, result(BALANCED, 0.7, low, groups=groups), result(GAP, 0.2, gap_low, groups=groups)]
    assert [one.shown for one in verdicts(rows)] == [shown]


def test_without_another_picture_nothing_is_shown():
    rows = [result(("chance_balanced_accuracy", "none"), 0.5, None), result(BALANCED, 0.9, 0.8)]
    assert [one.shown for one in verdicts(rows)] == [False]
    assert verdicts(rows[1:]) == []
