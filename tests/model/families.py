"""Folders of whole image-text models, tiny and random, laid out as their makers publish them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedTokenizerFast

from tests.model.chat_kinds import byte_level

FAMILIES = ("qwen3_vl", "qwen2_5_vl", "gemma3", "internvl", "llava_onevision")
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_EYES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
_QWEN_EYES = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "patch_size": 4,
    "temporal_patch_size": 2,
    "spatial_merge_size": 2,
    "out_hidden_size": 32,
}
_QWEN_PICTURES = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "patch_size": 4,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "size": {"shortest_edge": 256, "longest_edge": 2048},
}
_ROPE = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
_QWEN_TOKENS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_CHATML_END = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
_QWEN_CHAT = """{%- for message in messages -%}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}\
{% for part in message['content'] %}{% if part['type'] == 'image' %}\
<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}\
{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
_GEMMA_CHAT = """{{ bos_token }}{%- set lead = '' -%}{%- set turns = messages -%}
{%- if messages[0]['role'] == 'system' -%}
{%- set lead = messages[0]['content'][0]['text'] + '\n\n' -%}{%- set turns = messages[1:] -%}
{%- endif -%}
{%- for message in turns -%}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
{{ '<start_of_turn>' + role + '\n' + (lead if loop.first else '') }}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<start_of_image>' }}{%- else -%}{{ part['text'] | trim }}{%- endif -%}
{%- endfor -%}{{ '<end_of_turn>\n' }}
{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"""
_INTERN_CHAT = """{%- for message in messages -%}<|im_start|>{{ message['role'] }}
{% for part in message['content'] %}{% if part['type'] == 'image' %}<IMG_CONTEXT>
{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
ONEVISION_CHAT = """{%- for message in messages -%}<|im_start|>{{ message['role'] }}
{% for part in message['content'] if part['type'] == 'image' %}<image>
{% endfor %}{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}\
<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
_SQUARE = {"height": 32, "width": 32}
_VIDEO = {"video_processor_type": "Qwen3VLVideoProcessor", "fps": 2}


def write_family(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """The folder of a tiny random model of a family."""
    tokenizer, chat, settings = _WRITING[kind]()
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(chat, encoding="utf-8")
    (folder / "processor_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    tiny_model(kind, seed=seed).save_pretrained(folder)
    return folder


def tiny_model(kind: str, *, seed: int = 0) -> Any:
    """A tiny random model of a family; the answers of an untrained one differ from picture to picture."""
    tokenizer = _WRITING[kind]()[0]
    ids = {
        "image_token_id": tokenizer.convert_tokens_to_ids(_IMAGE_TOKEN[kind]),
        "vision_start_token_id": tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        "video_token_id": tokenizer.convert_tokens_to_ids("<|video_pad|>"),
    }
    if not kind.startswith("qwen"):
        ids = {
            "gemma3": {
                "image_token_index": ids["image_token_id"],
                "boi_token_index": tokenizer.convert_tokens_to_ids("<start_of_image>"),
                "eoi_token_index": tokenizer.convert_tokens_to_ids("<end_of_image>"),
            },
            "internvl": {"image_token_id": ids["image_token_id"]},
            "llava_onevision": {
                "image_token_index": ids["image_token_id"],
                "video_token_index": tokenizer.convert_tokens_to_ids("<video>"),
            },
        }[kind]
    words = {
        **_TEXT,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }
    config = transformers.CONFIG_MAPPING[kind](**_SHAPES[kind](words), **ids)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForImageTextToText.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(4.0)
                    if not parameter.any():  # Gemma's projector starts at nought, and so would be blind
                        parameter.normal_(std=0.2)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def _qwen3(words: dict[str, Any]) -> dict[str, Any]:
    rope = {**_ROPE, "mrope_interleaved": True}
    eyes = {**_QWEN_EYES, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
    return {"text_config": {**words, "head_dim": 8, "rope_parameters": rope}, "vision_config": eyes}


def _qwen25(words: dict[str, Any]) -> dict[str, Any]:
    eyes = {**_QWEN_EYES, "fullatt_block_indexes": [1], "window_size": 16}
    return {"text_config": {**words, "rope_parameters": _ROPE}, "vision_config": eyes}


def _gemma(words: dict[str, Any]) -> dict[str, Any]:
    layers = ["sliding_attention", "full_attention"]
    words = {**words, "head_dim": 8, "sliding_window": 64, "layer_types": layers}
    eyes = {**_EYES, "image_size": 32, "patch_size": 4, "vision_use_head": False}
    return {"text_config": words, "vision_config": eyes, "mm_tokens_per_image": 16}


def _intern(words: dict[str, Any]) -> dict[str, Any]:
    eyes = {**_EYES, "image_size": [32, 32], "patch_size": [4, 4], "layer_scale_init_value": 1.0}
    return {"text_config": {**words, "model_type": "qwen2"}, "vision_config": eyes}


def _onevision(words: dict[str, Any]) -> dict[str, Any]:
    eyes = {**_EYES, "model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8}
    return {
        "text_config": {**words, "model_type": "qwen2"},
        "vision_config": {**eyes, "vision_use_head": False},
        "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64]],
    }


@cache
def _tokenizer(special: tuple[str, ...], **named: str) -> PreTrainedTokenizerFast:
    standard = {name: named.pop(name) for name in [*named] if name in ("bos_token", "eos_token", "pad_token")}
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_level(normalise=True),
        additional_special_tokens=list(special),
        model_specific_special_tokens=named,
        **standard,
    )


def _write_qwen(kind: str) -> tuple[PreTrainedTokenizerFast, str, dict[str, Any]]:
    settings = {"processor_class": kind, "image_processor": _QWEN_PICTURES, "video_processor": _VIDEO}
    return _tokenizer(_QWEN_TOKENS, **_CHATML_END), _QWEN_CHAT, settings


def _write_gemma() -> tuple[PreTrainedTokenizerFast, str, dict[str, Any]]:
    tokenizer = _tokenizer(
        ("<start_of_turn>",),
        bos_token="<bos>",
        eos_token="<end_of_turn>",
        pad_token="<pad>",
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    pictures = {"image_processor_type": "Gemma3ImageProcessor", "size": _SQUARE}
    settings = {"processor_class": "Gemma3Processor", "image_seq_length": 16, "image_processor": pictures}
    return tokenizer, _GEMMA_CHAT, settings


def _write_intern() -> tuple[PreTrainedTokenizerFast, str, dict[str, Any]]:
    tokenizer = _tokenizer(
        ("<|im_start|>",),
        **_CHATML_END,
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    pictures = {
        "image_processor_type": "GotOcr2ImageProcessor",
        "size": _SQUARE,
        "crop_to_patches": True,
        "min_patches": 1,
        "max_patches": 2,
    }
    settings = {"processor_class": "InternVLProcessor", "image_seq_length": 16, "image_processor": pictures}
    return tokenizer, _INTERN_CHAT, settings


def _write_onevision() -> tuple[PreTrainedTokenizerFast, str, dict[str, Any]]:
    tokenizer = _tokenizer(("<|im_start|>", "<image>", "<video>"), **_CHATML_END)
    pictures = {
        "image_processor_type": "LlavaOnevisionImageProcessor",
        "size": _SQUARE,
        "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64]],
    }
    settings = {
        "processor_class": "LlavaOnevisionProcessor",
        "num_image_tokens": 16,
        "vision_feature_select_strategy": "full",
        "image_processor": pictures,
    }
    return tokenizer, ONEVISION_CHAT, settings


_IMAGE_TOKEN = {
    "qwen3_vl": "<|image_pad|>",
    "qwen2_5_vl": "<|image_pad|>",
    "gemma3": "<image_soft_token>",
    "internvl": "<IMG_CONTEXT>",
    "llava_onevision": "<image>",
}
_SHAPES = {
    "qwen3_vl": _qwen3,
    "qwen2_5_vl": _qwen25,
    "gemma3": _gemma,
    "internvl": _intern,
    "llava_onevision": _onevision,
}
_WRITING = {
    "qwen3_vl": lambda: _write_qwen("Qwen3VLProcessor"),
    "qwen2_5_vl": lambda: _write_qwen("Qwen2_5_VLProcessor"),
    "gemma3": _write_gemma,
    "internvl": _write_intern,
    "llava_onevision": _write_onevision,
}
