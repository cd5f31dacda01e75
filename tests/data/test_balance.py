"""Questions are left out so that no answer is given away by how often it is right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from doctorsun.data.balance import SLACK, _surplus, most

YES_NO, WHAT, CHOICE = ["yesno"], ["what"], ["choice"]


def left(sizes, *, forms):
    """How many questions of each answer stay, of one question with so many of each."""
    said = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    ranks = np.random.default_rng(0).permutation(len(said)).astype(np.uint64)
    out = _surplus(np.zeros(len(said), np.int32), said, ranks, forms=forms)
    return np.bincount(said[~out], minlength=len(sizes)).tolist()


def test_yes_comes_as_often_as_no():
    assert left([30, 7], forms=YES_NO) == [7, 7]
    assert left([30], forms=YES_NO) == [0]


def test_a_frequent_answer_is_cut_down_and_rare_ones_stay_whole():
    kept = left([700, 100, 90], forms=WHAT)
    assert kept[1:] == [100, 90]
    assert kept[0] / sum(kept) <= 1 / 3 + SLACK["what"] < (kept[0] + 2) / (sum(kept) + 2)


def test_options_are_evener_still():
    assert max(left([700, 100, 90], forms=CHOICE)) < max(left([700, 100, 90], forms=WHAT))


def test_a_question_with_one_answer_alone_is_not_asked():
    assert left([12], forms=WHAT) == [0]
    assert left([], forms=[]) == []


@given(some.lists(some.integers(1, 500), min_size=2, max_size=12))
def test_no_answer_is_right_more_often_than_chance_and_a_little(sizes):
    cap = most(sizes, slack=0.03)
    kept = [min(size, cap) for size in sizes]
    assert max(kept) / sum(kept) <= 1 / len(sizes) + 0.03 or cap == min(sizes)


def test_those_of_the_highest_rank_go_whatever_their_order():
    cell = np.zeros(6, np.int32)
    said = np.array([0, 1, 0, 1, 0, 0], np.int32)
    ranks = np.array([5, 1, 2, 9, 7, 3], np.uint64)
    for order in (np.arange(6), np.array([3, 5, 0, 1, 4, 2])):
        out = _surplus(cell[order], said[order], ranks[order], forms=YES_NO)
        assert sorted(ranks[order][out].tolist()) == [5, 7]


@pytest.mark.parametrize("sizes", [[5, 5, 5], [1, 1]])
def test_even_answers_stay_whole(sizes):
    assert left(sizes, forms=WHAT) == sizes
