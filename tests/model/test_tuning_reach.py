"""How far tuning reaches: ranges of layers, the parts of whole models, no second copy of a model."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    BitsAndBytesConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError
from doctorsun.model.anatomy import anatomy
from doctorsun.model.config import PartTuning, TuneConfig
from doctorsun.model.store import save_model
from doctorsun.model.tuning import apply_tuning, merge_tuning
from tests.model.families import FAMILIES, tiny_model
from tests.model.tiny import papers_eyes, picture, tiny_parts, turn

LORA = {"mode": "lora", "lr": 1e-3, "rank": 4, "dropout": 0.0}
FULL = {"mode": "full", "lr": 1e-3}


def tune(model, **config):
    return apply_tuning(model, TuneConfig.model_validate(config), seed=0)


def names_of(tuned):
    return [name for group in tuned.groups for name in group.names]


@pytest.fixture(scope="module")
def published():
    """The paper's model without its weights: Llama-3.1-8B behind CLIP ViT-L/14-336."""
    words = LlamaConfig(
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        vocab_size=128320,
    )
    with torch.device("meta"):
        return LlavaForConditionalGeneration(LlavaConfig(vision_config=papers_eyes(), text_config=words))


def test_the_published_hybrid_tunes_as_many_figures_as_published_and_copies_no_weight(published, heard):
    model = copy.deepcopy(published)
    before = {id(parameter): parameter.numel() for parameter in model.parameters()}
    vision = {**LORA, "rank": 64, "layers": "all"}
    tuned = tune(model, vision=vision, projector=FULL, language=FULL)
    counts = dict.fromkeys(("vision", "projector", "language"), 0)
    for group in tuned.groups:
        counts[group.name.partition("/")[0]] += sum(one.numel() for one in group.parameters)
    assert counts["vision"] == 28_311_552 and counts["projector"] == 20_979_712
    assert (
        counts["language"] == 8_030_261_248 + 2 * 64 * 4096
    )  # the published model, its vocabulary rounded up to 64
    added = [p for p in model.parameters() if id(p) not in before]
    assert sum(p.numel() for p in added) == 28_311_552
    assert sum(p.numel() for p in model.parameters()) == sum(before.values()) + 28_311_552
    ((event, values),) = heard.notes
    assert event == "model.lora_without_gradient" and values["count"] == 6
    assert "encoder.layers.23.self_attn.q_proj" in values["names"] or "k_proj" in values["names"]


def test_lora_on_the_8b_language_model_holds_its_weights_once(published):
    model = copy.deepcopy(published)
    before = {id(parameter) for parameter in model.parameters()}
    tuned = tune(model, language={**LORA, "rank": 16})
    assert tuned.count == sum(p.numel() for p in model.parameters() if id(p) not in before)
    assert before <= {id(parameter) for parameter in model.parameters()}
    # 32 layers: rank 16 by in + out of q, k, v, o, gate, up, down.
    each = 8192 + 5120 + 5120 + 8192 + 2 * (4096 + 14336) + (14336 + 4096)
    assert tuned.count == 32 * 16 * each


def test_four_bits_take_the_place_of_the_weights_they_stand_for():
    parts = tiny_parts()
    body = anatomy(parts.model)

    def held():
        layers = parts.model.get_submodule(body.language_layers)
        return sum(p.untyped_storage().nbytes() for p in layers.parameters())

    before = held()
    tune(parts.model, language={**LORA, "mode": "qlora", "rank": 1})
    assert held() < 0.35 * before


def test_without_gradient_is_named_once_and_live_layers_are_not(heard):
    tune(tiny_parts().model, vision=LORA)
    assert heard.notes == []
    model = tiny_parts().model
    tuned = tune(model, vision={**LORA, "layers": "all"})
    ((event, values),) = heard.notes
    assert event == "model.lora_without_gradient" and values["part"] == "vision"
    assert values["names"].count("encoder.layers.2.") == values["count"] == 6
    assert sum("encoder.layers.2." in name for name in names_of(tuned)) == 12


@pytest.mark.parametrize("layers", [[1, 3], "1-3"])
@pytest.mark.parametrize("mode", [LORA, FULL], ids=["lora", "full"])
def test_a_range_tunes_those_layers_alone(layers, mode):
    tuned = tune(
        tiny_model("internvl"), vision={**mode, "layers": layers}, language={**mode, "layers": [0, 1]}
    )
    vision = [name for name in names_of(tuned) if "vision_tower" in name]
    assert vision and all(".encoder.layer.1." in name or ".encoder.layer.2." in name for name in vision)
    language = [name for name in names_of(tuned) if "language_model" in name]
    assert language and all(".layers.0." in name for name in language)
    assert not any("lm_head" in name for name in names_of(tuned))


def test_a_range_leaves_out_what_gets_no_gradient(heard):
    tuned = tune(tiny_parts().model, vision={**LORA, "layers": [0, 3]})
    assert not any("layers.2." in name for name in names_of(tuned)) and heard.notes == []


@pytest.mark.parametrize(
    ("part", "layers", "key"),
    [
        ("vision", [2, 3], "model.dead_range"),
        ("vision", "1-4", "model.layer_range"),
        ("language", [0, 3], "model.layer_range"),
        ("projector", [0, 1], "model.no_layer_range"),
    ],
)
def test_a_range_that_cannot_be_says_how_many_layers_there_are(part, layers, key):
    with pytest.raises(ConfigError) as caught:
        tune(tiny_parts().model, **{part: {**LORA, "layers": layers}})
    assert caught.value.key == key
    if key == "model.layer_range":
        assert f"{3 if part == 'vision' else 2} layers" in str(caught.value)


def test_a_range_is_kept_as_it_was_said():
    said = PartTuning.model_validate({**LORA, "layers": "20-24"})
    assert said.layers == (20, 24)
    assert PartTuning.model_validate(said.model_dump(mode="json")) == said
    for wrong in ("24-20", "last", [3, 3]):
        with pytest.raises(ConfigError):
            validate(PartTuning, {**LORA, "layers": wrong}, where="stage")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_of_a_whole_model_is_tuned_by_the_same_keys(family):
    model = tiny_model(family)
    body = anatomy(model)
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tuned = tune(model, vision=LORA, projector=FULL, language={**LORA, "targets": ["q_proj", "down_proj"]})
    groups = {group.name.partition("/")[0] for group in tuned.groups}
    assert groups == {"vision", "projector", "language"}
    for group in tuned.groups:
        assert {body.part_of(name) for name in group.names} == {group.name.partition("/")[0]}
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning == set(names_of(tuned))
    assert all(".lora_" in name for name in learning if body.part_of(name) != "projector")
    merge_tuning(model)
    assert all(torch.equal(plain[name], tensor) for name, tensor in model.state_dict().items())
    assert plain.keys() == model.state_dict().keys()


def test_a_qlora_step_is_that_of_plain_peft(tmp_path):
    parts = tiny_parts()
    save_model(parts, tmp_path / "model")
    targets = ["q_proj", "up_proj"]
    language = {**LORA, "mode": "qlora", "alpha": 8, "targets": targets}
    tune(parts.model, language=language)
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.float32,
        bnb_4bit_use_double_quant=True,
        llm_int8_skip_modules=["model.vision_tower", "model.multi_modal_projector", "lm_head"],
    )
    plain = LlavaForConditionalGeneration.from_pretrained(
        tmp_path / "model", quantization_config=four_bits, dtype=torch.float32, device_map="cpu"
    )
    scope = rf".*language_model\..*\.({'|'.join(targets)})"
    theirs = get_peft_model(
        plain, LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, bias="none", target_modules=scope)
    )
    ours = {n: p for n, p in parts.model.named_parameters() if p.requires_grad}
    named = {n.removeprefix("base_model.model."): p for n, p in theirs.named_parameters() if p.requires_grad}
    assert ours.keys() == named.keys() and len(ours) == 8
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in ours.items():
            parameter.normal_(0.0, 0.3, generator=generator)
            named[name].copy_(parameter)
    encoded = parts.encoder.encode([turn("user", None, "Is it?"), turn("assistant", "是的。")])
    ids = torch.tensor([encoded.ids])
    labels = torch.where(torch.tensor([encoded.mask]), ids, -100)
    pixels = parts.pictures.pixels([picture()])
    for model in (parts.model, theirs):
        model.train()
        model(input_ids=ids, pixel_values=pixels, labels=labels).loss.backward()
    for name, parameter in ours.items():
        assert parameter.grad.any()
        assert torch.allclose(parameter.grad, named[name].grad, rtol=1e-4, atol=1e-7), name
