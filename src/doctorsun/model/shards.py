"""Weights as files: tensors under the names a format wants, in shards of safetensors, and back.

Classic names are those that transformers 4, vLLM, xtuner and LLaVA read: an encoder's begin with
`vision_model.`, which transformers 5 leaves out when it saves.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from doctorsun.core.errors import ModelError
from doctorsun.core.files import write_whole
from doctorsun.model.loading import first_line, quiet
from doctorsun.model.parts import Parts
from doctorsun.model.trust import check_loading

SHARD = "5GB"
Tensors = dict[str, torch.Tensor]


def read_shards(folder: Path) -> Tensors:
    """All tensors of the safetensors files of a folder; ModelError if there is none or one is damaged."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError("model.no_weights", where=folder)
    tensors: Tensors = {}
    for path in files:
        try:
            tensors.update(load_file(path))
        except SafetensorError:
            raise ModelError("model.broken_weights", where=path) from None
    return tensors


def write_shards(folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put tensors into `model*.safetensors` of a folder, with an index where there are several."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_torch_state_dict(whole, folder, max_shard_size=SHARD, metadata={"format": "pt"})
    for path in folder.glob("*.safetensors"):
        # safetensors makes its files readable by their owner alone; a server may run as another user.
        path.chmod(0o644)


def write_config(folder: Path, tree: Mapping[str, object], name: str = "config.json") -> None:
    """Put a configuration into a folder as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / name, json.dumps(tree, indent=2, ensure_ascii=False, default=str) + "\n")


def vision_tensors(parts: Parts, *, prefix: str = "") -> Tensors:
    """The encoder's tensors under their classic names."""
    return {f"{prefix}vision_model.{name}": tensor for name, tensor in _state(parts.model.model.vision_tower)}


def projector_tensors(parts: Parts, *, prefix: str) -> Tensors:
    """The projector's tensors as the two layers of a sequence, `0.` and `2.`."""
    number = {"linear_1": "0", "linear_2": "2"}
    named = _state(parts.model.model.multi_modal_projector)
    return {f"{prefix}{number[name.split('.')[0]]}.{name.split('.')[1]}": tensor for name, tensor in named}


def language_tensors(parts: Parts) -> Tensors:
    """The language model's tensors under the names of its own causal class; no head where it is tied."""
    tensors = {f"model.{name}": tensor for name, tensor in _state(parts.model.model.language_model)}
    if not parts.model.config.text_config.tie_word_embeddings:
        tensors["lm_head.weight"] = parts.model.lm_head.weight.detach()
    return tensors


def causal_model(parts: Parts) -> PreTrainedModel:
    """The language model alone, in transformers' own class for it; its tensors are those of `parts`."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(parts.model.config.text_config)
    setattr(model, model.base_model_prefix, parts.model.model.language_model)
    model.set_output_embeddings(parts.model.lm_head)
    model.generation_config = parts.model.generation_config
    alone: PreTrainedModel = model.eval()
    return alone


def model_of(kind: Any, config: Any, tensors: Mapping[str, torch.Tensor], *, where: Path) -> Any:  # noqa: ANN401 - no types
    """The model of class `kind` made of tensors under their classic names; every one has its place."""
    try:
        with quiet():
            model, info = kind.from_pretrained(
                None,
                config=config,
                state_dict=dict(tensors),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                dtype=next(iter(tensors.values())).dtype if tensors else None,
            )
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError("model.bad_config", where=where, problem=first_line(error)) from None
    check_loading(where, info)
    return model.eval()


def dtype_of(config: Mapping[str, object]) -> torch.dtype:
    """The kind of figures a configuration says its weights have; float32 where it says none."""
    text = config.get("text_config")
    inner = text.get("dtype") or text.get("torch_dtype") if isinstance(text, dict) else None
    said = str(config.get("dtype") or config.get("torch_dtype") or inner or "float32")
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return known.get(said.removeprefix("torch."), torch.float32)


def _state(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [(name, tensor.detach()) for name, tensor in module.state_dict().items()]
