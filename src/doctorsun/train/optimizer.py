"""What turns gradients into steps: AdamW, or Muon for the matrices inside the parts and AdamW for the rest.

Muon (K. Jordan et al., 2024) makes the step of a matrix orthogonal. Small models from scratch learn faster
with it (docs/experiments.md).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from doctorsun.model.tuning import Group
from doctorsun.train.muon import BatchedMuon
from doctorsun.train.recipe import StageConfig
from doctorsun.train.rounded import RoundedAdamW

_INSIDE = (".layers.", ".layer.", ".blocks.", "multi_modal_projector.", "merger")


class Optimizers:
    """One or two optimizers seen as one; they share one `state`, by parameter."""

    def __init__(self, groups: Sequence[Group], stage: StageConfig) -> None:
        chosen = stage.optimizer == "muon"
        plain = [_settings(group, matrices=False) if chosen else _settings(group) for group in groups]
        plain = [settings for settings in plain if settings["params"]]
        self._all: list[torch.optim.Optimizer] = []
        if plain and stage.weights == "fp32":
            self._all.append(torch.optim.AdamW(plain, betas=stage.betas, fused=True))
        elif plain:
            stochastic = stage.weights == "bf16_stochastic"
            self._all.append(RoundedAdamW(plain, betas=stage.betas, stochastic=stochastic))
        matrices = [_settings(group, matrices=True) for group in groups] if chosen else []
        matrices = [settings for settings in matrices if settings["params"]]
        if matrices:
            dtype = torch.bfloat16 if stage.precision == "bf16" else torch.float32
            self._all.append(BatchedMuon(matrices, dtype=dtype))
        for other in self._all[1:]:
            other.state = self._all[0].state

    @property
    def state(self) -> dict[Tensor, dict[str, Tensor]]:
        """What is remembered of each parameter."""
        state: dict[Tensor, dict[str, Tensor]] = self._all[0].state
        return state

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all, each with its `lr` and the `base_lr` of the recipe."""
        return [group for optimizer in self._all for group in optimizer.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._all:
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Change the parameters by their gradients."""
        for optimizer in self._all:
            optimizer.step()


def _settings(group: Group, *, matrices: bool | None = None) -> dict[str, Any]:
    """A parameter group of all of `group`, or of its matrices only, or of all else."""
    pairs = zip(group.names, group.parameters, strict=True)
    wanted = [parameter for name, parameter in pairs if matrices in (None, _is_matrix(name, parameter))]
    return {
        "params": wanted,
        "lr": group.lr,
        "base_lr": group.lr,
        "weight_decay": group.weight_decay,
    }


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: a full matrix of a layer or the projector, no half of a LoRA."""
    return parameter.dim() == 2 and any(part in name for part in _INSIDE) and "lora_" not in name
