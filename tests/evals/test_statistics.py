"""Intervals know that items of one group are alike, and differences are paired."""

import numpy as np
import pytest

from doctorsun.evals.statistics import Bootstrap, Cells, difference, estimates


def column(*values: float) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)[:, None]


def bootstrap(groups: list[str], resamples: int = 2000) -> Bootstrap:
    return Bootstrap(groups, resamples=resamples, seed=1)


def test_an_interval_over_single_members_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    marks = (rng.random(400) < 0.7).astype(float)
    found = estimates(marks[:, None], Cells.single(400), bootstrap([str(n) for n in range(400)]))[0]
    assert found is not None and found.low is not None and found.high is not None
    error = 1.96 * np.sqrt(marks.mean() * (1 - marks.mean()) / 400)
    assert found.value == pytest.approx(marks.mean())
    assert found.low == pytest.approx(marks.mean() - error, abs=0.01)
    assert found.high == pytest.approx(marks.mean() + error, abs=0.01)


def test_copies_of_an_item_in_one_group_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    marks = (rng.random(60) < 0.5).astype(float)
    single = estimates(marks[:, None], Cells.single(60), bootstrap([str(n) for n in range(60)]))[0]
    copied = np.repeat(marks, 10)
    groups = [str(n) for n in range(60) for _ in range(10)]
    clustered = estimates(copied[:, None], Cells.single(600), bootstrap(groups))[0]
    naive = estimates(copied[:, None], Cells.single(600), bootstrap([str(n) for n in range(600)]))[0]
    width = {name: one.high - one.low for name, one in {"s": single, "c": clustered, "n": naive}.items()}
    assert width["c"] == pytest.approx(width["s"], rel=0.05)
    assert width["n"] < 0.5 * width["c"]


def test_one_group_has_no_interval():
    found = estimates(column(1, 0, 1), Cells.single(3), bootstrap(["a"] * 3))[0]
    assert found is not None
    assert (found.low, found.high, found.n, found.groups) == (None, None, 3, 1)


def test_a_metric_over_nothing_is_absent():
    nan = float("nan")
    assert estimates(column(nan, nan), Cells.single(2), bootstrap(["a", "b"])) == [None]
    assert (
        difference(np.asarray([nan, 1.0]), np.asarray([1.0, nan]), Cells.single(2), bootstrap(["a", "b"]))
        is None
    )


def test_balanced_accuracy_is_the_mean_recall_and_then_the_mean_over_keys():
    keys = ["k1"] * 10 + ["k2"] * 2
    labels = ["common"] * 9 + ["rare", "x", "y"]
    marks = column(*([1.0] * 9), 0.0, 1.0, 0.0)
    found = estimates(marks, Cells.classes(keys, labels), bootstrap([str(n) for n in range(12)]))[0]
    assert found is not None and found.value == pytest.approx((0.5 + 0.5) / 2)


def test_a_difference_is_paired_and_left_out_where_one_side_is_missing():
    rng = np.random.default_rng(0)
    hard = rng.random(200)
    first = (hard < 0.6).astype(float)
    second = (hard < 0.5).astype(float)
    second[:20] = np.nan
    groups = [str(n) for n in range(200)]
    gap = difference(first, second, Cells.single(200), bootstrap(groups))
    assert gap is not None and gap.low is not None and gap.high is not None
    assert gap.n == 180
    assert gap.value == pytest.approx(np.nanmean(first[20:] - second[20:]))
    apart = np.sqrt(2 * 0.25 / 180) * 1.96 * 2
    assert gap.high - gap.low < 0.7 * apart


def test_a_seed_gives_the_same_draw_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch):
    groups = [str(n) for n in range(50)]
    whole = np.concatenate(list(bootstrap(groups, 300).weights()))
    assert np.allclose(whole.sum(axis=1), 50)
    monkeypatch.setattr("doctorsun.evals.statistics._KEPT", 0)
    monkeypatch.setattr("doctorsun.evals.statistics._BLOCK", 50 * 100)
    drawn = bootstrap(groups, 300)
    assert np.array_equal(np.concatenate(list(drawn.weights())), whole)
    assert np.array_equal(np.concatenate(list(drawn.weights())), whole)
