"""How the ranks of a stage share its work: each takes a part of every step, their gradients are added up.

Losses are divided by what the whole step holds before they are added, so that the number of ranks changes
nothing but rounding.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from doctorsun.train.parallel.world import World, lost_ranks

_BUCKET = 2**25


class Root(nn.Module):
    """A model and whatever is asked of it as one module: FSDP gathers weights where a module is called."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Any], *values: Any) -> Any:  # noqa: ANN401 - what `function` takes
        """What `function` makes of `values` while the weights outside the layers are whole."""
        return function(*values)


class Team:
    """The ranks of `world` at one model; `root` is null where each has a whole copy."""

    def __init__(self, world: World | None = None, root: Root | None = None) -> None:
        self.world = world or World()
        self._root = root

    @property
    def sharded(self) -> bool:
        """Whether the model's weights are spread over ranks."""
        return self._root is not None

    def call(self, function: Callable[..., Any], *values: Any) -> Any:  # noqa: ANN401 - what `function` gives
        """What `function`, which uses the model, makes of `values`; all ranks call it as often."""
        if self._root is None:
            return function(*values)
        with lost_ranks():
            found = self._root(function, *values)
        if not torch.is_grad_enabled():
            cast(FSDPModule, self._root).reshard()  # else these weights would be read at the next step too
        return found

    @contextmanager
    def outside(self) -> Iterator[None]:
        """While open the weights outside the layers are whole: the model may be called as any other is."""
        if self._root is None:
            yield
            return
        root = cast(FSDPModule, self._root)
        root.unshard()
        try:
            yield
        finally:
            root.reshard()

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of this rank's part of a loss; sharded ones are added up over ranks at once."""
        with lost_ranks() if self.world.size > 1 else nullcontext():
            loss.backward()  # type: ignore[no-untyped-call]

    def seen_by_any(self, pictures: bool) -> bool:
        """Whether this rank must pass encoder and projector: where weights are spread, all do or none."""
        return self.world.any(pictures) if self.sharded else pictures

    def told(self, loss: float, bad: Sequence[str]) -> tuple[float, list[str]]:
        """The loss of a step of which each rank has a part, and all samples without a finite one."""
        if self.world.size == 1:
            return loss, list(bad)
        (whole,) = self.world.sum([loss])
        return whole, [] if math.isfinite(whole) else [
            name for one in self.world.gather(list(bad)) for name in one
        ]

    def summed(self, figures: Mapping[str, float]) -> Counter[str]:
        """Figures of which each rank has a part; all ranks have the same names."""
        return Counter(dict(zip(figures, self.world.sum([*figures.values()]), strict=True)))

    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make every gradient the sum over the ranks; one that no rank has stays absent."""
        if self.world.size == 1 or self.sharded:
            return
        having = self.world.sum([float(parameter.grad is not None) for parameter in parameters])
        found = [parameter for parameter, count in zip(parameters, having, strict=True) if count]
        for parameter in found:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        with lost_ranks():
            for bucket in _buckets([cast(Tensor, parameter.grad) for parameter in found]):
                flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
                distributed.all_reduce(flat)
                sizes = [gradient.numel() for gradient in bucket]
                for gradient, part in zip(bucket, torch.split(flat, sizes), strict=True):
                    gradient.copy_(part.view_as(gradient))


def clip_norm(parameters: Sequence[nn.Parameter], most: float) -> float:
    """The norm of all gradients together, over all ranks; they are scaled down to `most` where it is more."""
    norm = nn.utils.clip_grad_norm_(parameters, most)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def _buckets(gradients: Sequence[Tensor]) -> list[list[Tensor]]:
    """The gradients in lots of one type, each of so many figures as are sent at a time."""
    lots: list[list[Tensor]] = []
    size = 0
    for gradient in sorted(gradients, key=lambda gradient: str(gradient.dtype)):
        if not lots or lots[-1][0].dtype != gradient.dtype or size + gradient.numel() > _BUCKET:
            lots.append([])
            size = 0
        lots[-1].append(gradient)
        size += gradient.numel()
    return lots
