import copy
from importlib.util import find_spec

import pytest
import torch
from transformers import LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, MissingExtra
from doctorsun.model.anatomy import anatomy
from doctorsun.model.config import TuneConfig
from doctorsun.model.store import load_model, save_model
from doctorsun.model.tuning import apply_tuning, merge_tuning
from tests.model.tiny import papers_eyes, picture, tiny_parts, turn

EYES = "model.vision_tower"
HYBRID = {
    "vision": {"mode": "lora", "lr": 1e-3, "rank": 4, "dropout": 0.0},
    "projector": {"mode": "full", "lr": 1e-3, "weight_decay": 0.1},
    "language": {"mode": "full", "lr": 1e-4},
}


def tune(parts, seed=0, **parts_config):
    return apply_tuning(parts.model, TuneConfig.model_validate(parts_config), seed=seed)


def loss_of(parts):
    encoded = parts.encoder.encode([turn("user", None, "Is it?"), turn("assistant", "是的。")])
    ids = torch.tensor([encoded.ids])
    labels = torch.where(torch.tensor([encoded.mask]), ids, -100)
    return parts.model(input_ids=ids, pixel_values=parts.pictures.pixels([picture()]), labels=labels).loss


@pytest.mark.parametrize(("layers", "count"), [("all", 28_311_552), ("live", 27_131_904)])
def test_the_papers_shapes_count_as_the_paper_counts(layers, count):
    words = LlamaConfig(
        hidden_size=4096, intermediate_size=64, num_hidden_layers=1, num_attention_heads=32, vocab_size=64
    )
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(LlavaConfig(vision_config=papers_eyes(), text_config=words))
    tuned = apply_tuning(
        model,
        TuneConfig.model_validate(
            {
                "vision": {"mode": "lora", "lr": 5e-6, "layers": layers},
                "projector": {"mode": "full", "lr": 5e-6},
            }
        ),
        seed=0,
    )
    counts = {"vision": 0, "projector": 0}
    for group in tuned.groups:
        counts[group.name.partition("/")[0]] += sum(one.numel() for one in group.parameters)
    assert counts == {"vision": count, "projector": 20_979_712}
    assert tuned.count == sum(counts.values())
    assert tuned.dead[0] == f"{EYES}.encoder.layers.23"


def test_all_that_is_to_learn_gets_a_gradient_and_nothing_else_does():
    parts = tiny_parts()
    tuned = tune(parts, **HYBRID)
    for layer in (module for name, module in parts.model.named_modules() if name.endswith("lora_B.default")):
        torch.nn.init.normal_(layer.weight)
    loss_of(parts).backward()
    learning = {name for group in tuned.groups for name in group.names}
    for name, parameter in parts.model.named_parameters():
        assert (parameter.grad is not None) == (name in learning), name
        assert parameter.requires_grad == (name in learning), name
        if name in learning and "k_proj.bias" not in name:
            assert parameter.grad.abs().sum() > 0, name


def test_what_llava_does_not_read_is_named_and_stays_as_it_is():
    parts = tiny_parts(vision={"kind": "siglip"})
    unread = (f"{EYES}.encoder.layers.2", f"{EYES}.post_layernorm")
    assert anatomy(parts.model).behind == unread
    tuned = tune(parts, vision={"mode": "full", "lr": 1.0})
    assert tuned.dead == unread
    assert not any(
        "layers.2." in name or "post_layernorm" in name for group in tuned.groups for name in group.names
    )
    assert anatomy(tiny_parts(feature_layer=-1).model).behind == unread[1:]
    assert anatomy(tiny_parts(feature_layer=1).model).behind == (f"{EYES}.encoder.layers.1", *unread)


def test_groups_carry_their_rates_and_only_matrices_decay():
    groups = {group.name: group for group in tune(tiny_parts(), **HYBRID).groups}
    assert set(groups) == {"vision", "projector", "projector/no_decay", "language", "language/no_decay"}
    assert groups["projector"].weight_decay == 0.1 and groups["projector/no_decay"].weight_decay == 0.0
    assert groups["language"].lr == 1e-4
    assert all(parameter.ndim == 1 for parameter in groups["projector/no_decay"].parameters)


def test_tied_embeddings_are_in_one_group_once():
    names = [name for group in tune(tiny_parts(), **HYBRID).groups for name in group.names]
    assert len(names) == len(set(names))
    assert sum("embed_tokens" in name or "lm_head" in name for name in names) == 1


def test_fresh_lora_changes_nothing_and_its_seed_alone_decides_it():
    parts = tiny_parts()
    before = loss_of(parts).item()
    tune(parts, language={"mode": "lora", "lr": 1.0, "rank": 2}, vision={"mode": "lora", "lr": 1.0})
    assert loss_of(parts).item() == before
    same, other = tiny_parts(), tiny_parts()
    tune(same, language={"mode": "lora", "lr": 1.0, "rank": 2}, vision={"mode": "lora", "lr": 1.0})
    tune(other, seed=1, language={"mode": "lora", "lr": 1.0, "rank": 2}, vision={"mode": "lora", "lr": 1.0})
    first, second, third = (one.model.state_dict() for one in (parts, same, other))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], third[key]) for key in first)


def test_merged_lora_is_plain_weights_that_answer_as_before(tmp_path):
    parts = tiny_parts()
    plain = copy.deepcopy(parts.model.state_dict())
    tuned = tune(parts, **HYBRID | {"language": {"mode": "lora", "lr": 1.0, "rank": 2, "dropout": 0.5}})
    optimiser = torch.optim.SGD([one for group in tuned.groups for one in group.parameters], lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        loss_of(parts).backward()
        optimiser.step()
    learnt = loss_of(parts).item()
    merge_tuning(parts.model)
    merged = parts.model.state_dict()
    assert merged.keys() == plain.keys()
    changed = {key.rpartition("layers.")[2] for key in plain if not torch.equal(plain[key], merged[key])}
    assert any("q_proj" in key for key in changed)
    assert not any(key.startswith("2.") for key in changed)
    assert loss_of(parts).item() == pytest.approx(learnt, rel=1e-5)
    save_model(parts, tmp_path / "model")
    assert loss_of(load_model(tmp_path / "model")).item() == pytest.approx(learnt, rel=1e-5)


def test_lora_that_learnt_nothing_merges_to_the_very_same_bits():
    parts = tiny_parts()
    plain = copy.deepcopy(parts.model.state_dict())
    tune(parts, vision={"mode": "lora", "lr": 1.0}, language={"mode": "lora", "lr": 1.0})
    merge_tuning(parts.model)
    assert all(torch.equal(plain[key], value) for key, value in parts.model.state_dict().items())


def test_only_the_named_layers_get_lora():
    parts = tiny_parts()
    tuned = tune(parts, language={"mode": "lora", "lr": 1.0, "targets": ["q_proj", "v_proj"]})
    names = [name for group in tuned.groups for name in group.names]
    assert len(names) == 2 * 2 * 2
    assert all(".q_proj." in name or ".v_proj." in name for name in names)


def test_a_misspelt_layer_says_which_there_are():
    with pytest.raises(ConfigError) as caught:
        tune(tiny_parts(), language={"mode": "lora", "lr": 1.0, "targets": ["qproj"]})
    assert "q_proj" in str(caught.value)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_qlora_learns_on_four_bits_and_merges_into_plain_weights_that_answer_as_before(tmp_path):
    parts = tiny_parts()
    plain = copy.deepcopy(parts.model.state_dict())
    before = loss_of(parts).item()
    tuned = tune(parts, language={"mode": "qlora", "lr": 1.0, "rank": 4, "targets": ["q_proj", "up_proj"]})
    packed = sum(one.dtype == torch.uint8 for one in parts.model.model.language_model.parameters())
    assert packed == 2 * 7
    assert loss_of(parts).item() == pytest.approx(before, rel=0.05)
    optimiser = torch.optim.SGD([one for group in tuned.groups for one in group.parameters], lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        loss_of(parts).backward()
        optimiser.step()
    learnt = loss_of(parts).item()
    assert learnt < before
    merge_tuning(parts.model)
    assert {key: value.shape for key, value in parts.model.state_dict().items()} == {
        key: value.shape for key, value in plain.items()
    }
    assert loss_of(parts).item() == pytest.approx(learnt, rel=1e-4)
    save_model(parts, tmp_path / "model")
    assert loss_of(load_model(tmp_path / "model")).item() == pytest.approx(learnt, rel=1e-4)


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_qlora_without_its_package_says_what_to_type():
    with pytest.raises(MissingExtra) as caught:
        tune(tiny_parts(), language={"mode": "qlora", "lr": 1.0})
    assert "pip install 'doctorsun[qlora]'" in str(caught.value)


def test_a_bare_word_is_the_mode_and_a_tuned_part_needs_a_rate():
    assert validate(TuneConfig, {"vision": "frozen"}, where="x").vision.mode == "frozen"
    with pytest.raises(ConfigError) as caught:
        validate(TuneConfig, {"vision": "full"}, where="stage")
    assert "lr" in str(caught.value) and "vision" in str(caught.value)
