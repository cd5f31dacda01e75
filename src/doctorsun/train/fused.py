"""Cross-entropy of learnt tokens a slice at a time: the logits of all of them never stand in memory together.

Shapes: T learnt tokens, V words, D width, C tokens of a slice.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributed.tensor import DTensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from doctorsun.train.packing import LENGTH_STEP

_FIGURES = {"cpu": 2**24, "cuda": 2**27}  # the logits of a slice: a processor wants them in its cache


def token_entropies(head: nn.Module, hidden_TD: Tensor, targets_T: Tensor) -> Tensor:
    """`losses_T` in nats, for any use: logits are computed anew for the gradient."""
    return torch.cat(
        [
            checkpoint(_entropies, head, hidden_TD[part], targets_T[part], use_reentrant=False)
            for part in _slices(hidden_TD, width=_words(head))
        ]
    )


def weighted_entropy(
    head: nn.Module, hidden_TD: Tensor, targets_T: Tensor, weights_T: Tensor
) -> tuple[Tensor, Tensor]:
    """The sum of weighted losses, and `losses_T` in nats without a gradient.

    The gradient is computed with the loss, so nothing is computed twice; that needs the weights beforehand.
    A head that is no plain layer (LoRA, 4 bits, sharded) is asked as it stands.
    """
    if not torch.is_grad_enabled() or type(head) is not nn.Linear or isinstance(head.weight, DTensor):
        losses_T = token_entropies(head, hidden_TD, targets_T)
        return (losses_T * weights_T).sum(), losses_T.detach()
    found: tuple[Tensor, Tensor] = _WeightedEntropy.apply(  # type: ignore[no-untyped-call]
        hidden_TD, head.weight, head.bias, targets_T, weights_T
    )
    return found


class _WeightedEntropy(torch.autograd.Function):
    """`sum(weights_T * losses_T)`, with the gradients of hidden states, weight and bias made on the way."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context
        hidden_TD: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        targets_T: Tensor,
        weights_T: Tensor,
    ) -> tuple[Tensor, Tensor]:
        kind = hidden_TD.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden_TD.dtype
        wanted = ctx.needs_input_grad
        to_hidden = torch.empty_like(hidden_TD) if wanted[0] else None
        to_weight = torch.zeros_like(weight_VD, dtype=torch.float32) if wanted[1] else None
        to_bias = torch.zeros_like(bias_V, dtype=torch.float32) if bias_V is not None and wanted[2] else None
        losses_T = torch.empty(len(hidden_TD), dtype=torch.float32, device=hidden_TD.device)
        with torch.autocast(kind, enabled=False):
            words_VD, shift_V = weight_VD.to(dtype), None if bias_V is None else bias_V.to(dtype)
            for part in _slices(hidden_TD, width=len(weight_VD)):
                hidden_CD = hidden_TD[part].to(dtype)
                logits_CV = functional.linear(hidden_CD, words_VD, shift_V).float()
                targets_C1 = targets_T[part, None]
                whole_C1 = logits_CV.logsumexp(dim=-1, keepdim=True)
                losses_T[part] = (whole_C1 - logits_CV.gather(1, targets_C1))[:, 0]
                slope_CV = logits_CV.sub_(whole_C1).exp_().mul_(weights_T[part, None])
                slope_CV.scatter_add_(1, targets_C1, -weights_T[part, None])
                if to_bias is not None:
                    to_bias += slope_CV.sum(dim=0)
                slope_CV = slope_CV.to(dtype)
                if to_hidden is not None:
                    to_hidden[part] = slope_CV @ words_VD
                if to_weight is not None:
                    _add_product(to_weight, slope_CV.T, hidden_CD)
        ctx.save_for_backward(to_hidden, to_weight, to_bias)
        ctx.dtypes = hidden_TD.dtype, weight_VD.dtype, weight_VD.dtype if bias_V is None else bias_V.dtype
        ctx.mark_non_differentiable(losses_T)
        return (losses_T * weights_T).sum(), losses_T

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as above
        as_it_is = upstream.device.type == "cpu" and upstream.item() == 1  # to ask a GPU would make it wait
        found = [
            None if one is None else (one if as_it_is else one * upstream).to(dtype)
            for one, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        ]
        return *found, None, None


def _add_product(sum_VD: Tensor, left_VC: Tensor, right_CD: Tensor) -> None:
    if left_VC.dtype == sum_VD.dtype:
        sum_VD.addmm_(left_VC, right_CD)
    else:
        sum_VD += left_VC @ right_CD


def _slices(hidden_TD: Tensor, *, width: int) -> Iterator[slice]:
    """Slices of one length, so that few shapes of products are met; the last may be shorter."""
    room = _FIGURES.get(hidden_TD.device.type, _FIGURES["cuda"]) // width
    length = max(1, room // LENGTH_STEP) * LENGTH_STEP
    for first in range(0, len(hidden_TD), length):
        yield slice(first, first + length)


def _words(head: nn.Module) -> int:
    found = getattr(head, "out_features", None)
    return int(found) if found else 2**17


def _entropies(head: nn.Module, hidden_CD: Tensor, targets_C: Tensor) -> Tensor:
    return functional.cross_entropy(head(hidden_CD).float(), targets_C, reduction="none")
