"""AdamW for weights in bf16, whose eight bits swallow small steps: float32 copies, or rounding at random.

At random means up with the chance of the part cut off, so that the mean is right (Gupta et al., 2015). The
draws are a function of the step, so a resumed run draws the same.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.adamw import adamw

from doctorsun.train.draws import seed_of

_MOMENTS = ("exp_avg", "exp_avg_sq")
_FIGURES = 2**22  # weights changed at a time, so that what stands in float32 for it is small


def lower_weights(model: nn.Module) -> None:
    """Put a model's weights into bf16; buffers (angles of positions) and packed 4-bit weights stay."""
    for parameter in model.parameters():
        if parameter.dtype == torch.float32:
            parameter.data = parameter.data.to(torch.bfloat16)


def raise_weights(model: nn.Module) -> None:
    """Put a model's weights into float32 on the processor, where there is room; adding LoRA rounds once."""
    for parameter in model.parameters():
        if parameter.dtype == torch.bfloat16:
            parameter.data = parameter.data.to("cpu", torch.float32)


class RoundedAdamW(torch.optim.Optimizer):
    """AdamW as PyTorch computes it, for parameters in bf16 (and others beside them, which it trains as ever).

    `stochastic` holds weights and moments in bf16, rounded at random; else all of it is kept in float32 too.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        *,
        betas: tuple[float, float],
        stochastic: bool,
    ) -> None:
        super().__init__(params, {"lr": 0.0, "betas": betas, "eps": 1e-8, "weight_decay": 0.0})
        self._stochastic = stochastic

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        assert closure is None, "the loss is computed before the step"
        draws: dict[torch.device, torch.Generator] = {}
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter] or self._begin(parameter)
                state["step"] = state["step"].to(parameter.device)
                half = parameter.dtype == torch.bfloat16
                if half and self._stochastic:
                    _step_rounded(parameter, state, group, _draws(draws, parameter, state))
                else:
                    kept = state.get("master", parameter)
                    moments = [_local(state[name]) for name in _MOMENTS]
                    _adamw(_local(kept), _local(parameter.grad), moments, state["step"], group)
                    if half:
                        parameter.copy_(kept)

    def _begin(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """The state of a parameter before its first step."""
        state: dict[str, Tensor] = self.state[parameter]
        half = parameter.dtype == torch.bfloat16
        dtype = torch.bfloat16 if half and self._stochastic else torch.float32
        state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        state.update({name: torch.zeros_like(parameter, dtype=dtype) for name in _MOMENTS})
        if half and not self._stochastic:
            state["master"] = parameter.detach().float()
        return state


def rounded(values: Tensor, noise: Tensor) -> Tensor:
    """float32 `values` in bf16, each up or down by its `noise`, whole numbers of 0 to 65535."""
    bits = values.view(torch.int32) + noise.to(torch.int32)
    return (bits & -65536).view(torch.float32).to(torch.bfloat16)


def _step_rounded(
    parameter: nn.Parameter, state: dict[str, Tensor], group: dict[str, Any], draws: torch.Generator
) -> None:
    """One step of weights and moments in bf16; a draw of 48 bits serves the three of them."""
    kept = [_local(one).view(-1) for one in (parameter, *(state[name] for name in _MOMENTS))]
    gradient = _local(parameter.grad).reshape(-1)  # type: ignore[arg-type]
    for part in _parts(len(gradient)):
        weight, *moments = (one[part].float() for one in kept)
        _adamw(weight, gradient[part], moments, state["step"].clone(), group)
        noise = torch.randint(2**48, weight.shape, generator=draws, device=weight.device)
        for number, (one, new) in enumerate(zip(kept, (weight, *moments), strict=True)):
            one[part] = rounded(new, (noise >> (16 * number)) & 0xFFFF)
    state["step"] += 1


def _adamw(
    weight: Tensor, gradient: Tensor, moments: list[Tensor], step: Tensor, group: dict[str, Any]
) -> None:
    first, second = moments
    beta1, beta2 = group["betas"]
    adamw(
        [weight],
        [gradient.to(weight.dtype)],
        [first],
        [second],
        [],
        [step],
        fused=True,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=False,
    )


def _draws(
    known: dict[torch.device, torch.Generator], parameter: nn.Parameter, state: dict[str, Tensor]
) -> torch.Generator:
    """The generator of this step on the parameter's device."""
    if parameter.device not in known:
        known[parameter.device] = torch.Generator(parameter.device)
        known[parameter.device].manual_seed(seed_of("rounding", int(state["step"])))
    return known[parameter.device]


def _parts(length: int) -> Iterator[slice]:
    for first in range(0, length, _FIGURES):
        yield slice(first, first + _FIGURES)


def _local(tensor: Tensor) -> Tensor:
    """The piece that this process holds."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
