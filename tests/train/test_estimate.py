"""What a plan says of memory, work, time and disk, against models and steps that are at hand."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlavaForConditionalGeneration

from doctorsun.core.errors import ConfigError, ModelError
from doctorsun.model.config import ModelConfig
from doctorsun.model.tuning import apply_tuning
from doctorsun.train.estimate.flops import Load, mfu, parts_flops, step_flops
from doctorsun.train.estimate.gpus import accelerator
from doctorsun.train.estimate.layout import Layout, assumed
from doctorsun.train.estimate.machine import Machine
from doctorsun.train.estimate.memory import Spread, memory_of
from doctorsun.train.estimate.plan import plan_stage
from doctorsun.train.estimate.published import refuse_absent
from doctorsun.train.estimate.shapes import shape_of
from doctorsun.train.estimate.skeleton import config_of, meta_model
from doctorsun.train.estimate.tally import Tally
from doctorsun.train.estimate.trace import Bytes, Work, trace, trace_whole
from doctorsun.train.recipe import Recipe, StageConfig
from tests.train import small

PAPER = {
    "vision": {"from": "models/clip-vit-large-patch14-336"},
    "language": {"from": "models/Llama-3.1-8B-Instruct"},
}
CPU = Machine("cpu", 1, 16.0, 0.1, 1.0, 0.0, gpu=False)


def stage(**changes: object) -> StageConfig:
    return StageConfig.model_validate(small.instruct_stage(rows=2, **changes))


def deep(layers: int) -> ModelConfig:
    tree = {part: dict(small.MODEL[part]) for part in ("vision", "language")}
    for part in tree.values():
        part["layers"] = layers
    return ModelConfig.model_validate({**tree, "feature_layer": -2})


def layout_of(model: ModelConfig, chosen: StageConfig) -> Layout:
    return assumed(chosen, image_tokens=shape_of(config_of(model)).vision.features)


def test_the_sizes_of_the_paper_are_known_without_its_weights():
    model = meta_model(config_of(ModelConfig.model_validate(PAPER)), dtype=torch.float32)
    count = sum(parameter.numel() for parameter in model.model.multi_modal_projector.parameters())
    assert count == 20_979_712
    hybrid = {"vision": {"mode": "lora", "lr": 1e-5, "layers": "all"}, "steps": 1, "kind": "instruct"}
    tuned = apply_tuning(model, StageConfig.model_validate(hybrid).tune, seed=0)
    assert tuned.count == 28_311_552


@pytest.mark.parametrize("checkpointing", [[], ["vision", "language"]], ids=["kept", "recomputed"])
def test_three_shallow_models_tell_what_a_deep_one_takes(checkpointing: list[str]):
    model, chosen = deep(5), stage(checkpointing=checkpointing)
    config, work = config_of(model), Work(chosen, layout_of(model, chosen).rows)
    assert highest(trace(config, work)) == pytest.approx(highest(trace_whole(config, work)), rel=0.01)


def highest(found: Bytes) -> int:
    phases: Counter[str] = Counter()
    for key, size in found.items():
        if key[:2] == ("peak", "whole"):
            phases[key[2]] += size
    return max(phases.values())


def test_a_number_of_a_fake_tensor_is_known_in_the_backward_pass_alone():
    with FakeTensorMode():
        tally, figure = Tally(nn.Linear(2, 2)), torch.ones(())
        with tally:
            with pytest.raises(DataDependentOutputException):
                figure.item()
            tally.backward = True
            assert figure.item() == 1
            with pytest.raises(DataDependentOutputException):
                torch.ones((), dtype=torch.int64).item()
        tally.close()


def test_disk_holds_checkpoints_and_models_in_float32_and_the_best_step_beside_them():
    pixels = 3 * 32**2
    for kept, best in (({}, 0), ({"validate_every": 2, "keep_best": "validation_loss"}, 1)):
        tree = small.instruct_stage(weights="bf16", precision="bf16", **kept)
        recipe = {"name": "p", "data": {"name": "p"}, "model": small.MODEL, "stages": [tree]}
        plan = plan_stage(Recipe.model_validate(recipe), 1, CPU)
        models = (1 + best) * 2 * plan.memory.stored
        assert plan.steps is not None
        assert plan.disk == (3 + best) * plan.memory.state + models + plan.steps * plan.pictures * pixels


def test_gradients_of_several_passes_stand_beside_activations():
    model, one, many = deep(3), stage(micro_rows=2), stage(micro_rows=1)
    config = config_of(model)
    found = memory_of(config, many, layout_of(model, many), Spread(gpu=False))
    assert found.parts["gradients"] > 0
    assert found.at != "step"
    assert memory_of(config, one, layout_of(model, one), Spread(gpu=False)).stored == found.stored


def test_weights_spread_over_more_devices_take_less_on_each():
    model, chosen = deep(3), stage(micro_rows=1)
    config, layout = config_of(model), layout_of(deep(3), stage(micro_rows=1))
    alone = memory_of(config, chosen, layout, Spread(2, 1))
    spread = memory_of(config, chosen, layout, Spread(2, 2))
    assert spread.parts["weights"] == pytest.approx(alone.parts["weights"] / 2, abs=1)
    assert spread.parts["optimizer"] == pytest.approx(alone.parts["optimizer"] / 2, abs=1)
    assert spread.parts["gathered"] > alone.parts["gathered"] == 0


def test_four_bits_take_an_eighth_of_the_layers_they_stand_for():
    model = deep(2)
    config = config_of(model)
    language = {"mode": "lora", "lr": 1e-4, "rank": 4}
    lora, qlora = stage(language=language), stage(language={**language, "mode": "qlora"})
    plain, packed = (memory_of(config, one, layout_of(model, one), Spread()) for one in (lora, qlora))
    linear = 2 * (32 * (2 * 32 + 2 * 16) + 3 * 32 * 64)
    saved = plain.parts["weights"] - packed.parts["weights"]
    assert saved == pytest.approx(linear * (4 - 0.516), rel=0.01)


@pytest.mark.parametrize("mode", ["full", "lora", "frozen"])
def test_the_operations_are_those_that_pytorch_counts(mode: str):
    config = config_of(deep(2))
    part = {"mode": mode, "lr": 1e-3, "rank": 4} if mode != "frozen" else "frozen"
    vision = {"mode": "lora", "lr": 1e-3, "rank": 4} if mode == "full" else "frozen"
    chosen = stage(language=part, vision=vision)
    # PyTorch counts products that are written out, not those inside its fused attention on a CPU.
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").train()
    apply_tuning(model, chosen.tune, seed=0)
    tokens = shape_of(config).vision.features
    ids = torch.full((1, 48), 5)
    ids[0, :tokens] = config.image_token_index
    with FlopCounterMode(display=False) as counted:
        model(input_ids=ids, pixel_values=torch.zeros(1, 3, 32, 32), use_cache=False).logits.sum().backward()
    load = Load(tokens=48, pictures=1, learnt=48, pairs=48.0 * 48, encoded=1)
    assert sum(parts_flops(config, chosen, load).values()) == pytest.approx(
        counted.get_total_flops(), rel=0.06
    )


def test_a_frozen_encoder_with_kept_features_computes_nothing():
    config, kept = config_of(deep(2)), stage(vision="frozen")
    found = parts_flops(config, kept, Load(tokens=64, pictures=2))
    assert found["vision"] == 0
    assert step_flops(config, kept, tokens=64, pictures=2) == sum(found.values())


def test_half_the_peak_is_an_mfu_of_a_half():
    assert mfu(1e12, seconds=2.0, tflops=1.0) == 0.5


def test_what_does_not_fit_is_told_what_to_change_and_what_it_would_then_take():
    tree = small.instruct_stage(rows=2, weights="bf16", precision="bf16")
    recipe = Recipe.model_validate(
        {"name": "p", "data": {"name": "p"}, "model": small.MODEL, "stages": [tree]}
    )
    plan = plan_stage(recipe, 1, Machine("cpu", 1, 0.0001, 1.0, 1.0, 0.0, gpu=False))
    assert not plan.fits
    assert [one.changes.split()[-1].split("=")[0] for one in plan.advice][:3] == [
        "checkpointing",
        "micro_rows",
        "weights",
    ]
    assert plan.advice[2].memory < plan.advice[1].memory < plan.peak
    assert plan.hours is not None and plan.hours > 0


def test_steps_are_unknown_where_neither_recipe_nor_data_tell_them():
    tree = small.text_stage(steps=None, epochs=1)
    recipe = Recipe.model_validate(
        {"name": "n", "data": {"name": "n"}, "model": small.MODEL, "stages": [tree]}
    )
    assert plan_stage(recipe, 1, CPU).hours is None
    assert plan_stage(recipe, 1, CPU, samples=1000).steps


def test_a_part_that_nobody_knows_is_named():
    model = ModelConfig.model_validate({"vision": {"from": "models/nobody-knows-me"}})
    with pytest.raises(ModelError, match="nobody-knows-me.*clip-vit-large-patch14-336"):
        config_of(model)


def test_a_known_part_that_is_absent_says_how_to_fetch_it(tmp_path: Path):
    with pytest.raises(ModelError, match="hf download Qwen/Qwen3-8B --local-dir"):
        refuse_absent(str(tmp_path / "Qwen3-8B"))


def test_a_wrong_accelerator_names_the_near_one():
    with pytest.raises(ConfigError, match="h100"):
        accelerator("h1000")
