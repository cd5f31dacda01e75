"""Attention inside blocks of packed tokens: what no token may see is not computed rather than masked away.

Blocks of equal prefixes and of about equal lengths are computed together. The classes of transformers stay as
they are: they ask here through their own attention interface.
Shapes: L tokens, H heads, D figures a head; n blocks of at most Q tokens that see at most K.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface

from doctorsun.train.flexible import FlexPlan
from doctorsun.train.packing import Block, Packed

BLOCKS, PICTURES = "doctorsun_blocks", "doctorsun_pictures"
_STEP = 16


@dataclass(frozen=True)
class _Lot:
    """Blocks that are computed together, and which of the tokens they see each of their tokens sees."""

    count: int
    mask_QK: Tensor

    @property
    def asking(self) -> int:
        """How many tokens ask."""
        return self.count * self.mask_QK.shape[0]

    @property
    def seen(self) -> int:
        """How many tokens are seen."""
        return self.count * self.mask_QK.shape[1]


class BlockPlan:
    """What every layer needs to know of the blocks of one batch, made once."""

    def __init__(self, blocks: Sequence[Block], device: torch.device) -> None:
        kinds: dict[tuple[int, int], list[Block]] = defaultdict(list)
        for block in blocks:
            kinds[(block.prefix, -(-block.length // _STEP))].append(block)
        self.lots: list[_Lot] = []
        asking, seen, places, kept, done = [], [], [], [], 0
        for (prefix, steps), members in sorted(kinds.items()):
            longest, count = _STEP * steps, _round(len(members))
            lengths = np.array([block.length for block in members] + [0] * (count - len(members)))
            members = members + members[-1:] * (count - len(members))
            own = np.stack(
                [block.start + np.minimum(np.arange(longest), block.length - 1) for block in members]
            )
            before = np.stack([block.prefix_start + np.arange(prefix) for block in members])
            asking.append(own.reshape(-1))
            seen.append(np.concatenate([before, own], axis=1).reshape(-1))
            self.lots.append(_Lot(count, _mask(longest, prefix).to(device)))
            real = np.arange(longest) < lengths[:, None]
            places.append(own[real])
            kept.append(np.flatnonzero(real) + done)
            done += own.size
        order = np.concatenate(kept)[np.argsort(np.concatenate(places))]
        self.asking, self.seen, self.order = (
            torch.from_numpy(one).to(device) for one in (np.concatenate(asking), np.concatenate(seen), order)
        )

    def attend(
        self,
        query_LHD: Tensor,
        key_LHD: Tensor,
        value_LHD: Tensor,
        *,
        scale: float | None,
        dropout: float = 0.0,
        window: int | None = None,
    ) -> Tensor:
        """What each token reads from those it sees, `[L, H, D]`; `window` is how far back it sees."""
        # Chosen once for all lots: the gradient of each choice is a tensor of noughts as long as the rows.
        asking, seen = [lot.asking for lot in self.lots], [lot.seen for lot in self.lots]
        chosen = zip(
            torch.split(query_LHD.index_select(0, self.asking), asking),
            torch.split(key_LHD.index_select(0, self.seen), seen),
            torch.split(value_LHD.index_select(0, self.seen), seen),
            strict=True,
        )
        found = []
        for lot, tensors in zip(self.lots, chosen, strict=True):
            query, key, value = (
                tensor.view(lot.count, -1, *tensor.shape[1:]).transpose(1, 2) for tensor in tensors
            )
            mask_QK = lot.mask_QK if window is None else lot.mask_QK & _near(lot.mask_QK, window)
            read = attention(query, key, value, mask_QK=mask_QK, scale=scale, dropout=dropout)
            found.append(read.transpose(1, 2).flatten(0, 1))
        return torch.cat(found).index_select(0, self.order)


def plan_of(packed: Packed, device: torch.device) -> BlockPlan | FlexPlan:
    """How the tokens of packed rows attend on a device."""
    return FlexPlan(packed, device) if device.type == "cuda" else BlockPlan(packed.blocks, device)


def attention(
    query_nHQD: Tensor,
    key_nGKD: Tensor,
    value_nGKD: Tensor,
    *,
    mask_QK: Tensor | None,
    scale: float | None,
    dropout: float = 0.0,
) -> Tensor:
    """What the asking tokens read, `[n, H, Q, D]`; H is a multiple of the G heads that keys and values have.

    In bf16 on a CPU the products are written out: PyTorch's fused kernel is 2.5 to 7 times slower at it.
    """
    repeats = query_nHQD.shape[1] // key_nGKD.shape[1]
    if repeats > 1:
        key_nGKD, value_nGKD = (one.repeat_interleave(repeats, dim=1) for one in (key_nGKD, value_nGKD))
    half = query_nHQD.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    if not half:
        return functional.scaled_dot_product_attention(
            query_nHQD, key_nGKD, value_nGKD, attn_mask=mask_QK, dropout_p=dropout, scale=scale
        )
    query, key, value = (one.bfloat16() for one in (query_nHQD, key_nGKD, value_nGKD))
    scores = torch.matmul(query * (scale or query.shape[-1] ** -0.5), key.transpose(-1, -2))
    if mask_QK is not None:
        scores = scores.masked_fill(~mask_QK, -torch.inf)
    return torch.matmul(functional.dropout(scores.softmax(dim=-1), dropout, dropout > 0), value)


@contextmanager
def attend_by(model: nn.Module, name: str) -> Iterator[None]:
    """While open, the layers of a model attend by `BLOCKS` (its call is given a `plan`) or by `PICTURES`."""
    config: Any = model.config
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before


def _round(count: int) -> int:
    """The next number that leaves few different ones: steps of a quarter of a power of two."""
    step = 1 << max(0, count.bit_length() - 3)
    return -(-count // step) * step


def _mask(longest: int, prefix: int) -> Tensor:
    """True where a token may look: the whole prefix, and its own block up to itself."""
    return torch.ones(longest, prefix + longest, dtype=torch.bool).tril(diagonal=prefix)


def _near(mask_QK: Tensor, window: int) -> Tensor:
    """True where what is asked lies less than `window` behind who asks; a block follows its prefix."""
    asking, asked = mask_QK.shape
    return torch.ones_like(mask_QK).triu(diagonal=asked - asking - window + 1)


def _in_blocks(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: None,
    **options: Any,  # noqa: ANN401 - transformers' interface
) -> tuple[Tensor, None]:
    """As transformers asks it: `[1, H, L, D]` in, `[1, L, H, D]` out."""
    plan: BlockPlan | FlexPlan = options["plan"]
    assert options.get("softcap") is None, "scores are not capped here"
    read = plan.attend(
        *(tensor[0].transpose(0, 1) for tensor in (query, key, value)),
        scale=options.get("scaling"),
        dropout=options.get("dropout", 0.0),
        window=options.get("sliding_window"),
    )
    return read[None], None


def _in_pictures(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: None,
    **options: Any,  # noqa: ANN401 - transformers' interface
) -> tuple[Tensor, None]:
    """As transformers asks it: `[B, H, N, D]` in, `[B, N, H, D]` out; every patch sees every other."""
    dropout, scale = options.get("dropout", 0.0), options.get("scaling")
    read = attention(query, key, value, mask_QK=None, dropout=dropout, scale=scale)
    return read.transpose(1, 2).contiguous(), None


AttentionInterface.register(BLOCKS, _in_blocks)
AttentionInterface.register(PICTURES, _in_pictures)
