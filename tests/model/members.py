"""A tiny random member of every family, on disk as it would be published."""

from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from doctorsun.core.plugins import names
from doctorsun.model import encoders
from doctorsun.model.config import ModelConfig, VisionConfig
from doctorsun.model.pictures import own_processor
from doctorsun.model.vision_family import family_named
from tests.model.chat_kinds import tokenizer_of

ENCODERS = tuple(names(encoders))
EYES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
}
WORDS = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
GEMMA = {"head_dim": 8, "tie_word_embeddings": True}
# Kind, chat template (null: a base model has none), and what sets this family apart.
LANGUAGES: dict[str, tuple[str, str | None, dict[str, object]]] = {
    "llama": ("llama", "llama3", {}),
    "llama_tied_base": ("llama", None, {"tie_word_embeddings": True}),
    "qwen2": ("qwen2", "qwen", {"use_sliding_window": True, "sliding_window": 12, "max_window_layers": 1}),
    "qwen3": ("qwen3", "qwen", {"head_dim": 16, "tie_word_embeddings": True}),
    "gemma": ("gemma", "gemma", GEMMA),
    "gemma3": (
        "gemma3_text",
        "gemma",
        {**GEMMA, "sliding_window": 9, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "mistral": ("mistral", "llama3", {"sliding_window": 24}),
    "phi": ("phi", "qwen", {"partial_rotary_factor": 0.5}),
    "phi3": ("phi3", "qwen", {"sliding_window": 24}),
    "internlm3": ("internlm3", "qwen", {"qkv_bias": True, "bias": True, "head_dim": 8}),
    "ernie4_5": ("ernie4_5", "llama3", {"head_dim": 8, "use_bias": False}),
    "glm": ("glm", "qwen", {"head_dim": 8, "partial_rotary_factor": 0.5, "attention_bias": True}),
    "glm4": ("glm4", "qwen", {"head_dim": 8, "partial_rotary_factor": 0.5}),
}


def write_encoder(folder: Path, name: str) -> Path:
    """A folder of an encoder alone, with the preprocessor of its family."""
    family = family_named(name)
    kind = getattr(transformers, family.config)
    config = kind(**EYES, **family.mlp(32, 64), **family.scratch)
    torch.manual_seed(1)
    _loud(getattr(transformers, family.model)(config)).save_pretrained(folder)
    own_processor(16, {}, family).save_pretrained(folder)
    return folder


def write_language(folder: Path, name: str) -> Path:
    """A folder of a causal language model with a tokenizer that knows no image and no padding."""
    kind, chat, settings = LANGUAGES[name]
    tokenizer = tokenizer_of(chat or "llama3", bare=True)
    config = AutoConfig.for_model(kind, **WORDS | {"vocab_size": len(tokenizer)} | settings)
    torch.manual_seed(2)
    _loud(AutoModelForCausalLM.from_config(config)).save_pretrained(folder)
    template = tokenizer.chat_template
    tokenizer.chat_template = template if chat else None
    tokenizer.save_pretrained(folder)
    tokenizer.chat_template = template
    return folder


def _loud(model: torch.nn.Module) -> torch.nn.Module:
    """The model with weights large enough for its parts to matter in what comes out."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return model


def join(eyes: Path, words: Path, **changes: object) -> ModelConfig:
    """The recipe's model of two folders."""
    return ModelConfig.model_validate(
        {"vision": {"from": str(eyes)}, "language": {"from": str(words)}, **changes}
    )


def scratch_eyes(name: str) -> VisionConfig:
    """An encoder of a family from scratch."""
    sizes = {"width": 32, "layers": 2, "heads": 2, "mlp": 64, "image_px": 16, "patch_px": 8}
    return VisionConfig.model_validate({"kind": name, **sizes})
