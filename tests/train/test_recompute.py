"""Gradient checkpointing changes no bit of a gradient."""

import copy

import pytest
import torch

from doctorsun.core.errors import ModelError
from doctorsun.model.parts import Parts
from doctorsun.model.tuning import TuneConfig, apply_tuning
from doctorsun.train.device import Compute
from doctorsun.train.forward import read_pictures, weighted_loss
from doctorsun.train.packing import Group, Piece, Row, pack
from doctorsun.train.recipe import StageConfig
from doctorsun.train.recompute import recompute
from tests.model.tiny import tiny_parts, turn
from tests.train.small import instruct_stage

TUNE = {
    "vision": {"mode": "lora", "lr": 1e-3, "rank": 4, "dropout": 0.3},
    "projector": {"mode": "full", "lr": 1e-3},
    "language": {"mode": "lora", "lr": 1e-3, "rank": 4, "dropout": 0.3},
}


@pytest.fixture(scope="module")
def tuned() -> Parts:
    parts = tiny_parts()
    apply_tuning(parts.model, TuneConfig.model_validate(TUNE), seed=0)
    torch.manual_seed(3)
    for name, parameter in parts.model.named_parameters():
        if "lora_B" in name:  # they begin at nought, and dropout would show nowhere
            torch.nn.init.normal_(parameter, std=0.1)
    return parts


def pieces(parts: Parts) -> list[Piece]:
    found = []
    for number, (question, answer) in enumerate([("Is it?", "Yes."), ("What is seen?", "No nodule.")]):
        encoded = parts.encoder.encode([turn("user", None, question), turn("assistant", answer)], where="x")
        start = encoded.image_starts[0]
        prefix = start + parts.encoder.image_tokens
        ids, learnt = torch.tensor(encoded.ids).numpy(), torch.tensor(encoded.mask).bool().numpy()
        found.append(Piece(str(number), ids, learnt, ("a",), (start,), prefix))
    return found


def gradients(parts: Parts, model: torch.nn.Module) -> tuple[float, dict[str, torch.Tensor]]:
    packed = pack([Row([Group(pieces(parts))])], image_tokens=parts.encoder.image_tokens)
    model.train()
    torch.manual_seed(5)
    pixels = torch.randn(1, 3, 32, 32)
    loss, _ = weighted_loss(
        model, packed, read_pictures(model, pixels), weights_T=torch.ones(len(packed.targets_T)), dropout=0.1
    )
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("chosen", [["vision"], ["language"], ["vision", "language"]])
def test_gradients_with_dropout_are_equal_bit_for_bit(tuned: Parts, chosen: list[str]):
    loss, plain = gradients(tuned, copy.deepcopy(tuned.model))
    model = copy.deepcopy(tuned.model)
    counts = dict.fromkeys(["vision", "language"], 0)
    recompute(model, chosen)
    places = {
        "vision": model.model.vision_tower.encoder.layers,
        "language": model.model.language_model.layers,
    }
    for part, layers in places.items():
        for layer in layers:
            mlp = layer.mlp
            mlp.register_forward_pre_hook(lambda *_, part=part: counts.__setitem__(part, counts[part] + 1))
    again, found = gradients(tuned, model)
    assert again == loss and found.keys() == plain.keys()
    assert all(torch.equal(found[name], plain[name]) for name in plain)
    for part, layers in places.items():
        runs = counts[part] / len(layers)
        assert runs > 1.5 if part in chosen else runs <= 1, (part, counts)


def test_a_stage_switches_it_on_for_its_parts(tuned: Parts):
    model = copy.deepcopy(tuned.model)
    Compute(StageConfig.model_validate(instruct_stage(checkpointing=["language"]))).take(model)
    assert all(layer.gradient_checkpointing for layer in model.model.language_model.layers)
    assert not any(layer.gradient_checkpointing for layer in model.model.vision_tower.encoder.layers)


def test_layers_without_the_switch_are_named(tuned: Parts):
    model = copy.deepcopy(tuned.model)
    model.model.language_model.layers[0] = torch.nn.Identity()
    with pytest.raises(ModelError, match="Identity"):
        recompute(model, ["language"])
