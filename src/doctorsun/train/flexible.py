"""The same attention as blocks, by PyTorch's FlexAttention: on a GPU one fused kernel skips what is not seen.

Shapes: L tokens, H heads, D figures a head.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from doctorsun.core.errors import TrainError
from doctorsun.train.packing import Packed


class FlexPlan:
    """Which token sees which, as FlexAttention asks: one mask a batch, for all layers of one window."""

    def __init__(self, packed: Packed, device: torch.device) -> None:
        length = len(packed.ids_L)
        block, start, stop = (np.zeros(length, np.int64) for _ in range(3))
        for number, one in enumerate(packed.blocks):
            own = slice(one.start, one.start + one.length)
            block[own], start[own], stop[own] = number, one.prefix_start, one.prefix_start + one.prefix
        self._block_L, self._start_L, self._stop_L, self._position_L = (
            torch.from_numpy(values).to(device) for values in (block, start, stop, packed.positions_L)
        )
        self._masks: dict[int | None, BlockMask] = {}

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
        if dropout:
            raise TrainError("train.no_attention_dropout", found=dropout)
        query, key, value = (
            one.transpose(0, 1)[None].contiguous() for one in (query_LHD, key_LHD, value_LHD)
        )
        read: Tensor = _kernel(query.device.type)(
            query, key, value, block_mask=self._mask(window), scale=scale, enable_gqa=True
        )
        return read[0].transpose(0, 1)

    def _mask(self, window: int | None) -> BlockMask:
        if window not in self._masks:
            length, device = len(self._block_L), self._block_L.device
            self._masks[window] = create_block_mask(
                self._seen_by(window), None, None, length, length, device=device
            )
        return self._masks[window]

    def _seen_by(self, window: int | None) -> Any:  # noqa: ANN401 - torch's mask function
        block, start, stop, position = self._block_L, self._start_L, self._stop_L, self._position_L

        def seen(_batch: Tensor, _head: Tensor, asking: Tensor, asked: Tensor) -> Tensor:
            own = (block[asking] == block[asked]) & (asked <= asking)
            found = own | ((asked >= start[asking]) & (asked < stop[asking]))
            return found if window is None else found & (position[asking] - position[asked] < window)

        return seen


@cache
def _kernel(kind: str) -> Any:  # noqa: ANN401 - torch's function
    """The fused kernel on a GPU; elsewhere the same maths, unfused."""
    return torch.compile(flex_attention, dynamic=True) if kind == "cuda" else flex_attention
