"""Rows, groups and masks."""

import numpy as np
import pytest
import torch

from doctorsun.data.dataset import Meta
from doctorsun.train.attention import BlockPlan
from doctorsun.train.packing import Group, Packed, Piece, Row, fill_steps, group_pieces, pack
from doctorsun.train.schedule import gather


def piece(name: str, *, prefix: int = 0, tail: int = 4, picture: str = "a", ask: int = 7) -> Piece:
    ids = np.array([1, *[9] * (prefix - 1)][:prefix] + [ask + n for n in range(tail)], np.int32)
    learnt = np.zeros(len(ids), bool)
    learnt[-2:] = True
    pictures, starts = ((picture,), (1,)) if prefix else ((), ())
    return Piece(name, ids, learnt, pictures, starts, prefix)


def meta(row: int, picture: str | None) -> Meta:
    return Meta(f"s{row}", "en", "vqa", None, "s", None, None, "s//None", picture, False, row)


def sees(packed: Packed) -> np.ndarray:
    """Which token sees which, read from what attention does with one-hot values."""
    length = len(packed.ids_L)
    plan = BlockPlan(packed.blocks, torch.device("cpu"))
    nought = torch.zeros(length, 1, length)
    read = plan.attend(nought, nought, torch.eye(length).view(length, 1, length), scale=1.0)
    return (read[:, 0] > 0).numpy()


def test_samples_of_one_picture_share_its_tokens_and_do_not_see_each_other():
    group = Group([piece("one", prefix=5), piece("two", prefix=5, ask=30), piece("three", prefix=5, ask=40)])
    packed = pack([Row([group, Group([piece("text")])])], image_tokens=4)
    assert packed.ids_L[:21].tolist() == [
        1,
        9,
        9,
        9,
        9,
        *range(7, 11),
        *range(30, 34),
        *range(40, 44),
        *range(7, 11),
    ]
    assert packed.positions_L[:21].tolist() == [
        *range(5),
        *range(5, 9),
        *range(5, 9),
        *range(5, 9),
        *range(4),
    ]
    assert packed.views == [("a", 0)] and packed.slots_S.tolist() == [1, 2, 3, 4]
    seen = sees(packed)
    assert np.flatnonzero(seen[10]).tolist() == [0, 1, 2, 3, 4, 9, 10]
    assert np.flatnonzero(seen[18]).tolist() == [17, 18]
    assert np.flatnonzero(seen[3]).tolist() == [0, 1, 2, 3]


def test_blocks_of_any_length_are_put_back_where_they_came_from():
    pieces = [
        piece(str(n), prefix=5 * (n % 2), tail=1 + (7 * n) % 40, picture=str(n // 4)) for n in range(24)
    ]
    packed = pack([Row(group_pieces(pieces, room=150))], image_tokens=4)
    seen = sees(packed)
    for block in packed.blocks:
        for token in range(block.length):
            prefix = range(block.prefix_start, block.prefix_start + block.prefix)
            own = range(block.start, block.start + token + 1)
            assert np.flatnonzero(seen[block.start + token]).tolist() == [*prefix, *own]
    assert sum(block.length for block in packed.blocks) == len(packed.ids_L)


def test_a_learnt_token_is_told_from_the_token_before_it_in_its_own_sample():
    first = piece("one", prefix=5, tail=1)
    second = piece("two", prefix=5, tail=1, ask=30)
    for one in (first, second):
        one.learnt[:] = False
        one.learnt[5] = True
    packed = pack([Row([Group([first, second])])], image_tokens=4)
    assert packed.before_T.tolist() == [4, 4]
    assert packed.targets_T.tolist() == [7, 30]
    assert packed.piece_T.tolist() == [0, 1]


def test_only_equal_prefixes_of_the_same_picture_are_shared_and_only_while_there_is_room():
    pieces = [
        piece("a1", prefix=5),
        piece("b1", prefix=5, picture="b"),
        piece("a2", prefix=5),
        piece("a3", prefix=5),
        piece("text"),
    ]
    groups = group_pieces(pieces, room=13)
    assert [[one.id for one in group.pieces] for group in groups] == [["a1", "a2"], ["b1"], ["a3"], ["text"]]
    assert all(group.tokens <= 13 for group in groups)


def test_every_group_comes_once_and_no_row_overflows():
    draw = np.random.default_rng(0)
    groups = [Group([piece(str(n), tail=int(draw.integers(2, 60)))]) for n in range(200)]
    steps = list(fill_steps(iter(groups), rows=4, row_tokens=64))
    assert all(len(step) <= 4 and row.tokens <= 64 for step in steps for row in step)
    seen = [one.id for step in steps for row in step for one in row.pieces]
    assert sorted(seen) == sorted(str(n) for n in range(200))
    full = sum(row.tokens for step in steps[:-1] for row in step) / ((len(steps) - 1) * 4 * 64)
    assert full > 0.85


def test_a_group_longer_than_a_row_has_a_row_of_its_own():
    (step,) = fill_steps([Group([piece("long", tail=90)]), Group([piece("short")])], rows=2, row_tokens=64)
    assert [row.tokens for row in step] == [90, 4]


@pytest.mark.parametrize(("share", "lots"), [(2, [[0, 2], [1], [3], [4]]), (9, [[0, 2, 4], [1], [3]])])
def test_samples_of_a_picture_stand_where_the_first_of_them_stood(share: int, lots: list[list[int]]):
    metas = [meta(row, picture) for row, picture in enumerate(["a", "b", "a", None, "a"])]
    assert gather(range(5), metas, share=share) == lots
