"""FlexAttention's masks and the blocks are one and the same attention, and what is plainly written out."""

import numpy as np
import pytest
import torch

from doctorsun.core.errors import TrainError
from doctorsun.train.attention import BlockPlan, plan_of
from doctorsun.train.flexible import FlexPlan
from doctorsun.train.packing import Group, Packed, Piece, Row, group_pieces, pack

HEADS, KV_HEADS, WIDTH = 4, 2, 8


def packed_rows(seed: int = 0) -> Packed:
    draw = np.random.default_rng(seed)
    pieces = []
    for number in range(20):
        prefix, tail = int(draw.choice([0, 7])), int(draw.integers(2, 50))
        ids = np.full(prefix + tail, 3, np.int32)
        learnt = np.ones(len(ids), bool)
        learnt[0] = False
        pictures, starts = ((f"p{number // 6}",), (1,)) if prefix else ((), ())
        pieces.append(Piece(str(number), ids, learnt, pictures, starts, prefix))
    groups = group_pieces(pieces, room=300)
    assert max(len(group.pieces) for group in groups) > 1
    return pack([Row(groups[::2]), Row(groups[1::2])], image_tokens=6)


def written_out(packed: Packed, window: int | None, values: list[torch.Tensor]) -> torch.Tensor:
    """Attention with the whole mask, one token after the other."""
    length = len(packed.ids_L)
    seen = torch.zeros(length, length, dtype=torch.bool)
    for block in packed.blocks:
        for token in range(block.start, block.start + block.length):
            seen[token, block.start : token + 1] = True
            seen[token, block.prefix_start : block.prefix_start + block.prefix] = True
    if window is not None:
        places = torch.from_numpy(packed.positions_L)
        seen &= places[:, None] - places[None] < window
    query, key, value = values
    key, value = (one.repeat_interleave(HEADS // KV_HEADS, dim=1) for one in (key, value))
    scores = torch.einsum("qhd,khd->hqk", query, key) * 0.3
    weights = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    return torch.einsum("hqk,khd->qhd", weights, value)


@pytest.mark.parametrize("window", [None, 9, 40])
def test_blocks_and_flexible_masks_read_what_is_written_out(window: int | None):
    packed = packed_rows()
    draw = torch.Generator().manual_seed(0)
    shapes = [(len(packed.ids_L), heads, WIDTH) for heads in (HEADS, KV_HEADS, KV_HEADS)]
    values = [torch.randn(shape, generator=draw, requires_grad=True) for shape in shapes]
    real = int(np.flatnonzero(packed.ids_L)[-1]) + 1  # behind it stands padding, which nobody reads
    aim = torch.randn((real, *shapes[0][1:]), generator=draw)
    right = written_out(packed, window, values)[:real]
    read = BlockPlan(packed.blocks, torch.device("cpu")).attend(*values, scale=0.3, window=window)[:real]
    assert torch.allclose(read, right, atol=1e-5)
    pairs = zip(*(torch.autograd.grad((one * aim).sum(), values) for one in (read, right)), strict=True)
    assert all(torch.allclose(mine, other, atol=1e-4) for mine, other in pairs)
    # PyTorch has FlexAttention's gradient on GPUs alone; the mask, which is ours, is the same there.
    with torch.no_grad():
        flexible = FlexPlan(packed, torch.device("cpu")).attend(*values, scale=0.3, window=window)[:real]
    assert torch.allclose(flexible, right, atol=1e-5)


def test_blocks_serve_a_processor_and_flexible_masks_a_gpu(monkeypatch):
    packed = packed_rows()
    assert isinstance(plan_of(packed, torch.device("cpu")), BlockPlan)
    made = []
    monkeypatch.setattr("doctorsun.train.attention.FlexPlan", lambda *asked: made.append(asked))
    plan_of(packed, torch.device("cuda"))
    assert made == [(packed, torch.device("cuda"))]


def test_dropout_of_attention_is_refused_where_it_cannot_be():
    one = Piece("a", np.ones(9, np.int32), np.ones(9, bool))
    packed = pack([Row([Group([one])])], image_tokens=4)
    values = [torch.randn(len(packed.ids_L), 2, 4) for _ in range(3)]
    with pytest.raises(TrainError, match="attention_dropout"):
        FlexPlan(packed, torch.device("cpu")).attend(*values, scale=None, dropout=0.1)
