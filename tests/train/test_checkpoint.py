"""What a checkpoint gives back to an optimizer lies where the parameters do."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from doctorsun.model.tuning import Group
from doctorsun.train import checkpoint
from doctorsun.train.checkpoint import newest_checkpoint, save_checkpoint
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.recipe import StageConfig
from tests.train.small import text_stage


def optimizers(parameter: nn.Parameter, weights: str) -> Optimizers:
    stage = StageConfig.model_validate(text_stage(precision="bf16", weights=weights))
    return Optimizers([Group("language", ("matrix",), (parameter,), 0.1, 0.0)], stage)


@pytest.mark.parametrize("weights", ["fp32", "bf16", "bf16_stochastic"])
def test_the_count_of_steps_is_on_the_device_as_fused_adamw_asks(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = nn.Parameter(torch.ones(3, 2, dtype=torch.float32 if weights == "fp32" else torch.bfloat16))
    here.grad = torch.ones_like(here)
    trained = optimizers(here, weights)
    trained.step()
    save_checkpoint(tmp_path, {"matrix": here}, trained, step=1, state={})
    # The meta device stands for a GPU; it has no content to be filled.
    there = nn.Parameter(torch.empty(3, 2, device="meta", dtype=here.dtype))
    monkeypatch.setattr(checkpoint, "load_into", lambda tensors, folder: None)
    again = SimpleNamespace(state={there: {}})
    found = newest_checkpoint(tmp_path)
    assert found is not None
    found.restore({"matrix": there}, again)
    state = again.state[there]
    assert state.keys() == trained.state[here].keys()
    assert {one.device.type for one in state.values()} == {"meta"}
    assert state["step"].dtype == torch.float32
