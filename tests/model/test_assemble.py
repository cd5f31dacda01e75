import io

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from transformers import (
    CLIPConfig,
    CLIPModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, ModelError
from doctorsun.model.assemble import assemble
from doctorsun.model.config import ModelConfig
from doctorsun.model.parts import join_parts
from doctorsun.model.pictures import image_processor
from doctorsun.model.store import load_model, save_model
from doctorsun.model.vision import image_embeddings, patch_features
from tests.model.chat_kinds import tokenizer_of
from tests.model.tiny import picture, tiny_config, tiny_parts, tiny_tokenizer, turn

LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
EYES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def state(parts):
    return parts.model.state_dict()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_randomness_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = tiny_parts(seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(state(first), state(tiny_parts(seed=3)))
    assert not same(state(first), state(tiny_parts(seed=4)))


@pytest.mark.parametrize(
    ("kind", "select", "tokens"), [("clip", None, 16), ("clip", "all", 17), ("siglip", None, 16)]
)
def test_an_image_is_as_many_tokens_as_the_encoder_gives_features(kind, select, tokens):
    parts = tiny_parts(vision={"kind": kind}, select=select)
    assert parts.encoder.image_tokens == tokens
    pixels_BCHW = parts.pictures.pixels([picture()])
    with torch.inference_mode():
        theirs = parts.model.get_image_features(pixels_BCHW).pooler_output[0]
        assert torch.equal(image_embeddings(parts.model, pixels_BCHW)[0], theirs)
    assert theirs.shape == (tokens, 32)
    assert patch_features(parts.model, pixels_BCHW).shape == (1, tokens, 32)


def test_a_processor_that_counts_otherwise_is_refused():
    parts = tiny_parts()
    parts.processor.num_additional_image_tokens = 0
    with pytest.raises(ModelError) as caught:
        join_parts(parts.model, parts.processor)
    assert "15" in str(caught.value) and "16" in str(caught.value)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_positions_start_as_large_as_what_a_patch_brings_and_differ_in_every_place(kind):
    parts = tiny_parts(vision={"kind": kind, "width": 64})
    embeddings = parts.model.model.vision_tower.embeddings
    table = embeddings.position_embedding.weight[-16:]
    kernel = embeddings.patch_embedding.weight
    size = table.square().mean().sqrt() / (kernel.std() * kernel[0].numel() ** 0.5)
    assert 0.9 < size < 1.1
    distances = torch.cdist(table, table) + torch.eye(16) * 1e9
    assert distances.min() > 0.1 * table.norm(dim=1).mean()


def test_the_vocabulary_holds_the_image_and_padding_tokens_of_a_tiny_model():
    parts = tiny_parts()
    tokenizer = parts.processor.tokenizer
    assert parts.model.config.text_config.vocab_size == len(tokenizer)
    assert parts.model.get_input_embeddings().num_embeddings == len(tokenizer)
    assert parts.model.config.image_token_index == tokenizer.convert_tokens_to_ids("<image>")
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    assert parts.model.generation_config.eos_token_id == parts.encoder.end_id == tokenizer.eos_token_id


def test_the_processors_own_chat_template_gives_the_same_ids_and_pixels():
    parts = tiny_parts()
    raw = picture(size=(40, 30))
    theirs = parts.processor.apply_chat_template(
        [
            {"role": "system", "content": "简短回答"},
            {
                "role": "user",
                "content": [
                    {"type": "image", "image": Image.open(io.BytesIO(raw))},
                    {"type": "text", "text": "左肺有结节吗？ "},
                ],
            },
        ],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
    )
    ours = parts.encoder.prompt([turn("system", "简短回答"), turn("user", None, "左肺有结节吗？ ")])
    assert theirs["input_ids"][0].tolist() == ours.ids
    assert torch.equal(theirs["pixel_values"], parts.pictures.pixels([raw]))


def language_folder(folder, kind, *, model=None):
    tokenizer = tokenizer_of(kind, bare=True)
    config = LlamaConfig(**LLAMA, vocab_size=len(tokenizer), bos_token_id=None, eos_token_id=None)
    torch.manual_seed(0)
    (model or LlamaForCausalLM(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["llama3", "qwen", "gemma"])
def test_pre_trained_parts_keep_their_weights_and_answer_in_the_llava_as_alone(tmp_path, kind):
    clip = CLIPModel(
        CLIPConfig(vision_config=EYES, text_config={**LLAMA, "vocab_size": 99}, projection_dim=16)
    )
    clip.save_pretrained(tmp_path / "clip")
    image_processor(32).save_pretrained(tmp_path / "clip")
    folder = language_folder(tmp_path / "language", kind)
    config = ModelConfig.model_validate(
        {"vision": {"from": str(tmp_path / "clip")}, "language": {"from": str(folder)}}
    )
    parts = assemble(config, seed=0)
    eyes = clip.vision_model.state_dict()
    assert same(parts.model.model.vision_tower.state_dict(), eyes)
    assert parts.model.config.text_config.vocab_size % 64 == 0
    words = LlamaForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[7, 8, 9]])
    with torch.inference_mode():
        alone, joined = words(input_ids=ids).logits, parts.model(input_ids=ids).logits
    torch.testing.assert_close(joined[..., : alone.shape[-1]], alone)
    save_model(parts, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert same(state(parts), state(again))
    messages = [turn("user", None, "Is it?"), turn("assistant", "是")]
    assert again.encoder.encode(messages) == parts.encoder.encode(messages)


def test_a_qwen_language_model_and_a_siglip_encoder_join_too(tmp_path):
    SiglipVisionModel(SiglipVisionConfig(**EYES)).save_pretrained(tmp_path / "siglip")
    image_processor(32, mean=(0.5,) * 3, std=(0.5,) * 3).save_pretrained(tmp_path / "siglip")
    qwen = Qwen2ForCausalLM(Qwen2Config(**LLAMA, vocab_size=1024, tie_word_embeddings=True))
    folder = language_folder(tmp_path / "qwen", "qwen", model=qwen)
    config = ModelConfig.model_validate(
        {"vision": {"from": str(tmp_path / "siglip")}, "language": {"from": str(folder)}}
    )
    parts = assemble(config, seed=0)
    assert parts.encoder.image_tokens == 16
    assert parts.model.lm_head.weight is parts.model.get_input_embeddings().weight
    assert list(parts.processor.image_processor.image_mean) == [0.5] * 3
    save_model(parts, tmp_path / "model")
    assert same(state(parts), state(load_model(tmp_path / "model")))


def test_a_date_of_the_day_and_thinking_are_fixed_when_a_template_knows_them(tmp_path):
    tokenizer = tokenizer_of("qwen", bare=True)
    kept = tokenizer.chat_template
    tokenizer.chat_template = (
        "{%- if not date_string is defined -%}{%- set date_string = strftime_now('%d %b %Y') -%}{%- endif -%}"
        "{{- date_string -}}" + kept + "{%- if add_generation_prompt and enable_thinking is defined and "
        "enable_thinking is false -%}{{- '' -}}{%- endif -%}"
    )
    folder = language_folder(tmp_path / "dated", "qwen")
    tokenizer.chat_template = kept
    parts = assemble(tiny_config().model_copy(update={"language": config_from(folder).language}), seed=0)
    asked = parts.encoder.prompt([turn("user", "x")])
    assert parts.encoder.decode(asked.ids).startswith("26 Jul 2024")


def config_from(folder):
    return ModelConfig.model_validate({"language": {"from": str(folder)}})


def test_folders_that_are_no_parts_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    for part in ("vision", "language"):
        config = ModelConfig.model_validate({part: {"from": str(tmp_path / "empty")}})
        with pytest.raises(ModelError) as caught:
            assemble(config, tiny_tokenizer(), seed=0)
        assert "empty" in str(caught.value) and "\n" not in str(caught.value)
    folder = language_folder(tmp_path / "words", "qwen")
    with pytest.raises(ModelError) as caught:
        assemble(ModelConfig.model_validate({"vision": {"from": str(folder)}}), tiny_tokenizer(), seed=0)
    assert "llama" in str(caught.value)


@pytest.mark.parametrize(
    "tree",
    [
        {"vision": {"image_px": 100, "patch_px": 16}},
        {"vision": {"width": 30, "heads": 4}},
        {"language": {"heads": 6, "kv_heads": 4, "width": 384}},
        {"vision": {"from": "x", "width": 64}},
        {"feature_layer": -9},
        {"vision": {"kind": "siglip"}, "select": "patches"},
        {"vision": {"hidden": 3}},
    ],
)
def test_sizes_that_do_not_fit_are_refused_when_the_recipe_is_read(tree):
    with pytest.raises(ConfigError):
        validate(ModelConfig, tree, where="recipe")


def test_a_config_survives_being_written_and_read():
    config = ModelConfig.model_validate({"vision": {"from": "a/b"}, "feature_layer": -1})
    assert config.model_dump()["vision"]["from"] == "a/b"
    tree = {"vision": {"from": "a/b"}, "feature_layer": -1}
    assert ModelConfig.model_validate(tree) == config
    with pytest.raises(ValidationError):
        ModelConfig.model_validate({"vision": {"source": "a/b"}})
