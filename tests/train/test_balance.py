"""A step dealt to several processes."""

import numpy as np
import pytest

from doctorsun.train.balance import deal
from doctorsun.train.packing import Group, Piece, Row, fill_steps, pack


def group(number: int, *, prefix: int, tail: int) -> Group:
    ids = np.full(prefix + tail, number, np.int32)
    learnt = np.zeros(len(ids), bool)
    learnt[-1] = True
    pictures, starts = ((str(number),), (0,)) if prefix else ((), ())
    return Group([Piece(str(number), ids, learnt, pictures, starts, prefix)])


def a_step(seed: int = 0) -> list[Row]:
    draw = np.random.default_rng(seed)
    groups = [
        group(number, prefix=int(draw.choice([0, 36])), tail=int(draw.integers(4, 90)))
        for number in range(120)
    ]
    return next(fill_steps(groups, rows=12, row_tokens=256))


def names(rows: list[Row]) -> list[str]:
    return [piece.id for row in rows for piece in row.pieces]


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_every_sample_of_a_step_goes_to_exactly_one_process(ranks: int):
    step = a_step()
    shares = deal(step, ranks, picture_tokens=40)
    assert len(shares) == ranks
    assert sorted(name for share in shares for name in names(share)) == sorted(names(step))
    assert len({len(share) for share in shares}) == 1
    again = deal(a_step(), ranks, picture_tokens=40)
    assert [names(share) for share in again] == [names(share) for share in shares]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_shares_cost_about_the_same_with_their_pictures(ranks: int):
    shares = deal(a_step(), ranks, picture_tokens=40)
    costs = [sum(r.tokens + 40 * sum(bool(p.pictures) for p in r.pieces) for r in share) for share in shares]
    assert max(costs) < 1.05 * min(costs)
    assert max(row.tokens for share in shares for row in share) <= 256 * 1.1


def test_one_process_keeps_the_rows_as_they_are():
    step = a_step()
    assert deal(step, 1) == [step]


def test_a_process_without_a_group_gets_rows_that_can_be_packed():
    shares = deal([Row([group(1, prefix=0, tail=9)])], 2)
    assert [names(share) for share in shares] == [["1"], []]
    packed = pack(shares[1], image_tokens=4)
    assert len(packed.ids_L) > 0 and len(packed.targets_T) == 0
    assert sum(block.length for block in packed.blocks) == len(packed.ids_L)
