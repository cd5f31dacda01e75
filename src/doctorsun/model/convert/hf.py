"""transformers' LLaVA: read in every layout of keys, old and new; written in the one that all tools read.

The keys are `language_model.model.*`, `vision_tower.vision_model.*` and `multi_modal_projector.linear_*`:
transformers since 4.36, vLLM and SGLang take them, and so does transformers 5, which itself leaves
`vision_model.` out.
"""

from pathlib import Path

import torch
from transformers import LlavaForConditionalGeneration

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import load_weights, quiet
from doctorsun.model.parts import Parts, join_parts
from doctorsun.model.shards import dtype_of, vision_tensors, write_config, write_shards
from doctorsun.model.stock import Stock, config_of
from doctorsun.model.store import load_processor
from doctorsun.model.trust import refuse_unsafe, verify_manifest

QUANTISE = ("nf4", "int8")
_PREFIXES = (
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("model.language_model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
)


def recognise(folder: Path) -> bool:
    """Whether a folder says that it is a LLaVA of transformers."""
    config = config_of(folder)
    return config.get("model_type") == "llava" and "text_config" in config


def read(folder: Path, stock: Stock) -> Parts:
    """The model of a folder in the figures it was saved in; ModelError names what does not fit."""
    refuse_unsafe(folder)
    verify_manifest(folder)
    config = config_of(folder)
    if "quantization_config" in config:
        raise ModelError("convert.quantised_source", where=folder)
    processor = load_processor(folder)
    model = load_weights(LlavaForConditionalGeneration, folder, dtype=dtype_of(config))
    return join_parts(model, processor)


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put a model and its processor into `folder`, whole or with the language model in fewer bits."""
    if quantise is not None:
        from doctorsun.model.few_bits import write_few_bits

        write_few_bits(parts, folder, kind=quantise)
    else:
        write_shards(folder, tensors(parts))
        config = parts.model.config.to_dict()
        dtype = str(parts.model.dtype).removeprefix("torch.")
        write_config(folder, {"architectures": [type(parts.model).__name__], **config, "dtype": dtype})
    with quiet():
        parts.model.generation_config.save_pretrained(folder)
        parts.processor.save_pretrained(folder)


def tensors(parts: Parts) -> dict[str, torch.Tensor]:
    """All tensors of a LLaVA under their classic names; no head where it is tied."""
    found = vision_tensors(parts, prefix="vision_tower.")
    tied = parts.model.config.text_config.tie_word_embeddings
    for name, tensor in parts.model.state_dict().items():
        for before, after in _PREFIXES:
            if name.startswith(before) and not (tied and name.startswith("lm_head.")):
                found[after + name.removeprefix(before)] = tensor
    return found
