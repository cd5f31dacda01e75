"""Which modules PyTorch compiles, and what is said where it cannot; they are traced here, not compiled."""

from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.exc import BackendCompilerFailed

from doctorsun.core.errors import TrainError
from doctorsun.train.device import Compute
from doctorsun.train.recipe import StageConfig
from tests.model.tiny import tiny_parts
from tests.train.small import instruct_stage


@pytest.fixture
def traced(monkeypatch) -> None:
    """Compiling without a compiler: traced as ever, then run as traced."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: plain(self, **how, backend="eager"))


def test_a_compiled_model_gives_the_same_and_keeps_the_names_of_its_weights(traced):
    parts = tiny_parts()
    model = parts.model
    names = list(model.state_dict())
    embeds = torch.randn(1, 19, 32)
    before = model.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state
    Compute(StageConfig.model_validate(instruct_stage(compile=True))).take(model)
    after = model.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state
    assert torch.allclose(before, after, atol=1e-6) and list(model.state_dict()) == names
    layer = model.model.language_model.layers[0]
    assert layer.mlp._compiled_call_impl is not None
    assert layer.self_attn._compiled_call_impl is None


def test_a_machine_without_a_compiler_is_one_line(monkeypatch):
    def broken(_: object) -> object:
        def call(_: object) -> None:
            raise BackendCompilerFailed("inductor", RuntimeError("no compiler"), [])

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(TrainError, match="compile: false"):
        Compute(StageConfig.model_validate(instruct_stage(compile=True))).take(tiny_parts().model)
