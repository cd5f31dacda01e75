"""Weights in bf16: small steps are not lost, float32 copies step as AdamW, a resumed run draws the same."""

from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

from doctorsun.core.errors import ConfigError
from doctorsun.train.rounded import RoundedAdamW, lower_weights, raise_weights, rounded
from tests.train.nursery import attempts, fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, write_dataset

SETTINGS = {"lr": 1e-3, "weight_decay": 0.1}


def one(start: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(start.clone())


def optimizer(parameter: nn.Parameter, *, stochastic: bool) -> RoundedAdamW:
    return RoundedAdamW([{"params": [parameter], **SETTINGS}], betas=(0.9, 0.99), stochastic=stochastic)


def gradients(count: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(40, 30, generator=draw).bfloat16() for _ in range(count)]


def test_rounding_at_random_is_right_on_the_mean_and_keeps_what_fits():
    values = torch.tensor([1.0, 1.001, -3.0007, 0.0])
    draw = torch.Generator().manual_seed(0)
    found = torch.stack(
        [rounded(values, torch.randint(2**16, (4,), generator=draw)).float() for _ in range(4000)]
    )
    assert torch.equal(found[:, 0], torch.ones(4000)) and not found[:, 3].any()
    assert set(found[:, 1].tolist()) == {1.0, 1.0078125}
    assert found.mean(dim=0) == pytest.approx(values, abs=4e-4)


def test_float32_copies_step_exactly_as_plain_adamw():
    start = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)).bfloat16()
    half, plain = one(start), one(start.float())
    ours = optimizer(half, stochastic=False)
    theirs = torch.optim.AdamW([{"params": [plain], **SETTINGS}], betas=(0.9, 0.99), fused=True)
    for gradient in gradients(5):
        half.grad, plain.grad = gradient, gradient.float()
        ours.step()
        theirs.step()
    assert torch.equal(ours.state[half]["master"], plain)
    assert torch.equal(half, plain.bfloat16())


def test_a_parameter_in_float32_beside_them_is_trained_as_ever():
    start = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    mine, plain = one(start), one(start)
    ours = optimizer(mine, stochastic=True)
    theirs = torch.optim.AdamW([{"params": [plain], **SETTINGS}], betas=(0.9, 0.99), fused=True)
    for gradient in gradients(3):
        mine.grad = plain.grad = gradient.float()
        ours.step()
        theirs.step()
    assert torch.equal(mine, plain) and "master" not in ours.state[mine]


def test_steps_too_small_for_bf16_move_the_weights_only_when_rounded_at_random():
    start = torch.ones(2000, dtype=torch.bfloat16)
    moved = {}
    for way in ("nearest", "random"):
        parameter = one(start)
        group = {"params": [parameter], "lr": 1e-4, "weight_decay": 0.0}
        chosen = (
            torch.optim.AdamW([group], fused=True)
            if way == "nearest"
            else RoundedAdamW([group], betas=(0.9, 0.999), stochastic=True)
        )
        for _ in range(100):
            parameter.grad = torch.ones_like(parameter)
            chosen.step()
        moved[way] = float(1 - parameter.detach().float().mean())
    assert moved["nearest"] == 0 and moved["random"] == pytest.approx(0.01, rel=0.1)


def test_what_is_held_beside_a_weight_is_four_bytes_at_random_and_twelve_with_copies():
    held = {}
    for stochastic in (True, False):
        parameter = one(torch.ones(100, dtype=torch.bfloat16))
        chosen = optimizer(parameter, stochastic=stochastic)
        parameter.grad = torch.ones_like(parameter)
        chosen.step()
        held[stochastic] = sum(t.nbytes for name, t in chosen.state[parameter].items() if name != "step")
    assert held == {True: 400, False: 1200}


def test_weights_go_down_and_up_and_angles_of_positions_stay():
    model = nn.Sequential(nn.Linear(4, 4))
    model.register_buffer("angles", torch.ones(3))
    lower_weights(model)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16} and model.angles.dtype == torch.float32
    raise_weights(model)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_killed_run_with_weights_in_bf16_ends_with_the_same_bits(tmp_path: Path):
    data = write_dataset(tmp_path / "data")
    copies = align_stage(steps=3, weights="bf16", precision="bf16")
    drawn = instruct_stage(steps=4, weights="bf16_stochastic", precision="bf16")
    tree = recipe(data, copies, drawn).model_dump(mode="json")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(tree))
    kills = ["ckpt.after_rename#1", "ckpt.after_rename#2", "none"]
    assert attempts(tmp_path / "recipe.yaml", tmp_path / "whole", ["none"]) == ["done"]
    assert attempts(tmp_path / "recipe.yaml", tmp_path / "killed", kills) == ["killed", "killed", "done"]
    assert fingerprint(tmp_path / "killed") == fingerprint(tmp_path / "whole")
    left = load_file(tmp_path / "whole" / "stage-2" / "final" / "model.safetensors")
    assert {tensor.dtype for tensor in left.values()} == {torch.float32}


@pytest.mark.parametrize("wrong", [{"precision": "fp32"}, {"optimizer": "muon", "precision": "bf16"}])
def test_what_cannot_go_with_weights_in_bf16_is_refused(tmp_path: Path, wrong: dict[str, str]):
    with pytest.raises(ConfigError, match="weights in bf16 need precision bf16"):
        recipe(tmp_path, align_stage(weights="bf16", **wrong))
