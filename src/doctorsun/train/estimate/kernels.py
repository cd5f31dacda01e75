"""What fused attention keeps for the backward pass: fake tensors know the unfused kind alone.

A fused kernel (FlashAttention and its kin, PyTorch's on a processor in float32) keeps queries, keys, values,
what was read and one figure a token and head; the scores never stand in memory. Shapes: B rows, H heads, L
tokens, D figures a head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from doctorsun.train.attention import BLOCKS, PICTURES

_NAME = "scaled_dot_product_attention"


@contextmanager
def fused_attention() -> Iterator[None]:
    """While open, both kinds of attention take the memory that they take on a GPU, and compute nothing."""
    before = {name: ALL_ATTENTION_FUNCTIONS[name] for name in (BLOCKS, PICTURES)}
    for name in before:
        AttentionInterface.register(name, _attend)
    try:
        yield
    finally:
        for name, function in before.items():
            AttentionInterface.register(name, function)


@contextmanager
def fused_products() -> Iterator[None]:
    """While open, PyTorch's `scaled_dot_product_attention` takes what its kernel for processors takes.

    It is put in the place of PyTorch's, not made a mode: modes are off while a layer is computed again.
    """
    before = getattr(functional, _NAME)
    setattr(functional, _NAME, _products)
    try:
        yield
    finally:
        setattr(functional, _NAME, before)


def _products(query: Tensor, key: Tensor, value: Tensor, **_options: object) -> Tensor:
    read: Tensor = _Fused.apply(query, key, value)  # type: ignore[no-untyped-call]
    return read


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        read_BLHD = torch.empty_like(query)
        sums_BLH = torch.empty(query.shape[:3], dtype=torch.float32, device=query.device)
        ctx.save_for_backward(query, key, value, read_BLHD, sums_BLH)
        return read_BLHD

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401 - torch's
        return tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors[:3])


def _attend(
    _module: nn.Module,
    query_BHLD: Tensor,
    key_BGLD: Tensor,
    value_BGLD: Tensor,
    _mask: None,
    **_options: object,
) -> tuple[Tensor, None]:
    read: Tensor = _Fused.apply(  # type: ignore[no-untyped-call]
        *(one.transpose(1, 2) for one in (query_BHLD, key_BGLD, value_BGLD))
    )
    return read, None
