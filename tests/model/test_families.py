"""What families promise: image tokens and features match, foreigners are refused by name, true shapes fit."""

import io
import json

import pytest
import torch
import transformers
from PIL import Image
from transformers import AutoConfig, AutoModelForCausalLM, LlavaForConditionalGeneration

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, ModelError
from doctorsun.model.assemble import assemble, join_configs
from doctorsun.model.config import ModelConfig
from doctorsun.model.pictures import PictureProcessor, own_processor
from doctorsun.model.placing import put_into
from doctorsun.model.plain_template import is_plain
from doctorsun.model.store import load_model, save_model
from doctorsun.model.vision_family import family_for, family_named, feature_count
from tests.model.chat_kinds import tokenizer_of
from tests.model.members import ENCODERS, GEMMA, WORDS, join, write_encoder, write_language
from tests.model.tiny import picture, tiny_config, tiny_tokenizer, turn

LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
LLAMA_8B = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}
QWEN3_8B = LLAMA_8B | {"vocab_size": 151936, "intermediate_size": 12288, "num_hidden_layers": 36}


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_from_scratch_trains_from_positions_that_differ(name):
    tree = tiny_config().model_dump()
    tree["vision"] = tree["vision"] | {"kind": name}
    del tree["vision"]["from"], tree["language"]["from"], tree["from"]
    parts = assemble(ModelConfig.model_validate(tree), tiny_tokenizer(), seed=0)
    family, tower = family_named(name), parts.model.model.vision_tower
    assert parts.encoder.image_tokens == feature_count(
        parts.model.config.vision_config, parts.model.config.vision_feature_select_strategy
    )
    if family.positions is not None:
        places = tower.get_parameter(family.positions).reshape(-1, 32)[-16:]
        assert torch.cdist(places, places).add(torch.eye(16) * 9).min() > 0.01


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("told", [{}, {"resample": 2, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4] * 3}])
def test_pixels_of_every_family_are_those_of_the_saved_processor_to_the_bit(tmp_path, name, told):
    own_processor(16, told, family_named(name)).save_pretrained(tmp_path)
    saved = transformers.AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    for size in ((40, 30), (9, 31)):
        raw = picture(size=size)
        theirs = saved(Image.open(io.BytesIO(raw)), return_tensors="pt")["pixel_values"]
        assert torch.equal(PictureProcessor(saved).pixels([raw]), theirs)
    assert int(saved.resample) == told.get("resample", family_named(name).resample)


def test_an_encoders_own_preprocessor_is_taken_over(tmp_path):
    folder = write_encoder(tmp_path / "vit", "vit")
    told = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.9, 0.8, 0.7], "resample": 3, "do_rescale": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(told | {"rescale_factor": 1 / 128}))
    processor = assemble(join(folder, write_language(tmp_path / "words", "llama")), seed=0).processor
    found = processor.image_processor
    assert [list(found.image_mean), list(found.image_std)] == [told["image_mean"], told["image_std"]]
    assert int(found.resample) == 3 and found.rescale_factor == 1 / 128


@pytest.mark.parametrize(
    ("model_type", "told"),
    [
        ("siglip2", "fixed resolution"),
        ("convnextv2", "dinov2"),
        ("dinov3_convnext", "map"),
        ("pixtral", "Pixtral"),
        ("x", "clip"),
    ],
)
def test_an_encoder_of_another_kind_is_refused_by_name(model_type, told):
    with pytest.raises(ModelError, match=told):
        family_for(model_type)


def test_registers_count_as_features_and_cannot_be_left_out(tmp_path):
    folder = write_encoder(tmp_path / "dino", "dinov3_vit")
    words = write_language(tmp_path / "words", "llama")
    assert assemble(join(folder, words), seed=0).encoder.image_tokens == 4 + 4
    assert assemble(join(folder, words, select="all"), seed=0).encoder.image_tokens == 4 + 4 + 1
    with pytest.raises(ModelError, match="register"):
        assemble(join(folder, words, select="patches"), seed=0)
    with pytest.raises(ConfigError, match="register"):
        tree = {"vision": {"kind": "dinov3_vit"}, "select": "patches"}
        validate(ModelConfig, tree, where="recipe")


def test_an_unknown_kind_of_encoder_names_the_near_one():
    with pytest.raises(ConfigError, match="dinov2"):
        validate(ModelConfig, {"vision": {"kind": "dinov22"}}, where="recipe")


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("gemma2", GEMMA | {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ("gemma2", GEMMA | {"final_logit_softcapping": None}, "attn_logit_softcapping"),
        ("cohere", {"logit_scale": 0.0625, "num_key_value_heads": 4}, "logit_scale"),
        ("gpt2", {"n_embd": 32, "n_layer": 1, "n_head": 2}, "GPT2"),
    ],
)
def test_a_language_model_that_llava_would_compute_otherwise_is_refused_by_name(kind, settings, told):
    config = AutoConfig.for_model(kind, **WORDS | {"vocab_size": 64} | settings)
    llava = assemble(tiny_config(), tiny_tokenizer(), seed=0).model
    with pytest.raises(ModelError, match=told):
        put_into(llava, AutoModelForCausalLM.from_config(config), tokens=64)


def test_a_bias_in_the_output_layer_is_refused_unless_it_is_nought():
    config = AutoConfig.for_model("phi", **WORDS | {"vocab_size": 64})
    words = AutoModelForCausalLM.from_config(config).eval()
    torch.nn.init.zeros_(words.lm_head.bias)
    llava = assemble(tiny_config(), tiny_tokenizer(), seed=0).model
    put_into(llava, words, tokens=64)
    assert llava.lm_head is words.lm_head
    words.lm_head.bias = torch.nn.Parameter(torch.ones(64))
    with pytest.raises(ModelError, match="bias"):
        put_into(llava, words, tokens=64)


def test_a_base_model_gets_the_plain_template_and_its_answers_end(tmp_path):
    words = write_language(tmp_path / "words", "llama_tied_base")
    parts = assemble(join(write_encoder(tmp_path / "eyes", "clip"), words), seed=0)
    tokenizer = parts.processor.tokenizer
    assert is_plain(tokenizer.chat_template)
    asked = parts.encoder.prompt([turn("system", "s"), turn("user", None, "有吗？")])
    assert asked.ids[0] == tokenizer.bos_token_id and asked.ids.count(parts.encoder.image_id) == 4
    told = parts.encoder.encode([turn("user", None, "有吗？"), turn("assistant", " 有。")])
    learnt = [number for number, mine in zip(told.ids, told.mask, strict=True) if mine]
    assert learnt[-1] == tokenizer.eos_token_id and "有。" in parts.encoder.decode(learnt)
    save_model(parts, tmp_path / "model")
    assert load_model(tmp_path / "model").encoder.encode([turn("user", "x"), turn("assistant", "y")]).ids


def test_a_tokenizer_without_an_end_gets_one_with_the_plain_template():
    from doctorsun.model.assemble import add_tokens

    tokenizer = tokenizer_of.__wrapped__("qwen", bare=True)
    tokenizer.chat_template = tokenizer.eos_token = None
    add_tokens(tokenizer)
    assert tokenizer.eos_token == "<|end|>" and tokenizer.pad_token == "<|pad|>"


@pytest.mark.parametrize("weights", ["bf16", "stored"])
def test_weights_stay_as_they_are_stored_or_as_asked_and_are_not_copied(tmp_path, monkeypatch, weights):
    words = write_language(tmp_path / "words", "qwen3")
    kept = AutoModelForCausalLM.from_pretrained(words, dtype=torch.bfloat16)
    kept.save_pretrained(words)
    made = []
    start = LlavaForConditionalGeneration.__init__

    def watched(self, config):
        start(self, config)
        made.extend(parameter.device.type for parameter in self.parameters())

    monkeypatch.setattr(LlavaForConditionalGeneration, "__init__", watched)
    parts = assemble(join(write_encoder(tmp_path / "eyes", "siglip"), words, weights=weights), seed=0)
    assert set(made) == {"meta"}
    assert {parameter.dtype for parameter in parts.model.parameters()} == {torch.bfloat16}
    state, other = parts.model.model.language_model.state_dict(), kept.base_model.state_dict()
    assert all(torch.equal(state[name][: len(tensor)], tensor) for name, tensor in other.items())
    projector = parts.model.model.multi_modal_projector.linear_1
    assert 0.01 < projector.weight.float().std() < 0.03 and not projector.bias.any()


@pytest.mark.parametrize(
    ("eyes", "sizes", "words", "shape", "tokens", "projector"),
    [
        ("clip", LARGE | {"image_size": 336, "patch_size": 14}, "llama", LLAMA_8B, 576, 20_979_712),
        (
            "siglip",
            {
                "hidden_size": 1152,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "image_size": 448,
                "patch_size": 14,
            },
            "qwen3",
            QWEN3_8B,
            1024,
            1152 * 4096 + 4096 + 4096 * 4096 + 4096,
        ),
        (
            "dinov3_vit",
            LARGE | {"image_size": 224, "patch_size": 16, "num_register_tokens": 4},
            "mistral",
            LLAMA_8B | {"vocab_size": 32768},
            196 + 4,
            20_979_712,
        ),
    ],
)
def test_true_shapes_are_put_together_without_a_weight(eyes, sizes, words, shape, tokens, projector):
    family = family_named(eyes)
    vision = getattr(transformers, family.config)(**sizes)
    config = join_configs(
        ModelConfig(), vision, AutoConfig.for_model(words, **shape), image_id=shape["vocab_size"]
    )
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    assert sum(one.numel() for one in model.model.multi_modal_projector.parameters()) == projector
    assert feature_count(config.vision_config, config.vision_feature_select_strategy) == tokens
    if words == "llama":
        language = [*model.model.language_model.parameters(), model.lm_head.weight]
        assert sum(one.numel() for one in language) == 8_030_261_248
