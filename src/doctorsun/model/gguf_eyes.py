"""Encoder and projector as an `mmproj` of llama.cpp, and back.

Its names: `v.blk.N.*` for layers, `mm.0` and `mm.2` for the projector.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionConfig, PreTrainedModel, SiglipVisionConfig

from doctorsun.core.errors import ModelError
from doctorsun.model.gguf_file import GgufFile, field, read_gguf
from doctorsun.model.parts import Parts
from doctorsun.model.pictures import image_processor
from doctorsun.model.shards import Tensors, projector_tensors, vision_tensors
from doctorsun.model.towers import tower_of

_NAMES = {
    "embeddings.class_embedding": "v.class_embd",
    "embeddings.patch_embedding.weight": "v.patch_embd.weight",
    "embeddings.patch_embedding.bias": "v.patch_embd.bias",
    "embeddings.position_embedding.weight": "v.position_embd.weight",
    "pre_layrnorm.weight": "v.pre_ln.weight",
    "pre_layrnorm.bias": "v.pre_ln.bias",
}
_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.out_proj": "attn_out",
    "layer_norm1": "ln1",
    "layer_norm2": "ln2",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
}
_LAYER_NAME = re.compile(r"^encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$")
_BLOCK_NAME = re.compile(r"^v\.blk\.(\d+)\.(.+)\.(weight|bias)$")
_USES_GELU = {"quick_gelu": False, "gelu": True, "gelu_pytorch_tanh": True}


@dataclass(frozen=True, slots=True)
class Eyes:
    """What an `mmproj` holds."""

    model: PreTrainedModel
    pictures: Any
    projector: Tensors
    feature_layer: int


def write_eyes(parts: Parts, path: Path, *, kind: str) -> None:
    """Write encoder and projector; ModelError for what llama.cpp's LLaVA graph cannot compute."""
    config = parts.model.config
    eyes, layers = config.vision_config, read_layers(parts)
    pictures = parts.processor.image_processor
    file = GgufFile(path, "clip", kind="f32" if kind == "f32" else "f16")
    put = file.writer
    put.add_type("mmproj")
    put.add_clip_has_vision_encoder(True)
    put.add_bool("clip.has_llava_projector", True)
    put.add_clip_projector_type("mlp")
    put.add_vision_image_size(eyes.image_size)
    put.add_vision_patch_size(eyes.patch_size)
    put.add_vision_embedding_length(eyes.hidden_size)
    put.add_vision_feed_forward_length(eyes.intermediate_size)
    put.add_vision_projection_dim(config.text_config.hidden_size)
    put.add_vision_head_count(eyes.num_attention_heads)
    put.add_vision_attention_layernorm_eps(eyes.layer_norm_eps)
    put.add_vision_block_count(layers)
    # Said outright: without it llama.cpp leaves out one layer more, and stops a layer too early.
    put.add_array("clip.vision.feature_layer", [layers])
    put.add_vision_use_gelu(_USES_GELU[eyes.hidden_act])
    put.add_vision_image_mean([float(value) for value in pictures.image_mean])
    put.add_vision_image_std([float(value) for value in pictures.image_std])
    put.add_string("doctorsun.hidden_act", eyes.hidden_act)
    for name, tensor in vision_tensors(parts).items():
        there = there_of(name.removeprefix("vision_model."), layers=layers, config=eyes)
        if there is not None:
            # Looked up and added, never multiplied: float32 costs next to nothing.
            whole = "position" in name or "class" in name
            file.add(there, tensor, kind="f32" if whole else None)
    for name, tensor in projector_tensors(parts, prefix="mm.").items():
        file.add(name, tensor)
    file.close()


def read_layers(parts: Parts) -> int:
    """How many layers of the encoder are read; ModelError if that is no one state of a known encoder."""
    config = parts.model.config
    eyes, chosen = config.vision_config, config.vision_feature_layer
    if eyes.model_type not in {"clip_vision_model", "siglip_vision_model"}:
        raise ModelError("convert.vision_unknown", target="gguf", found=eyes.model_type, known="clip, siglip")
    if eyes.hidden_act not in _USES_GELU:
        known = sorted(_USES_GELU)
        raise ModelError("convert.activation", target="gguf", found=eyes.hidden_act, expected=known)
    if not isinstance(chosen, int):
        raise ModelError("convert.many_layers", target="gguf", found=chosen)
    if eyes.model_type == "clip_vision_model" and config.vision_feature_select_strategy != "default":
        raise ModelError("convert.class_token", target="gguf")
    layers: int = chosen if chosen >= 0 else eyes.num_hidden_layers + 1 + chosen
    if layers < 1:
        raise ModelError("convert.other_layer", target="gguf", found=chosen, expected=">= 1")
    return layers


def there_of(name: str, *, layers: int, config: Any) -> str | None:  # noqa: ANN401 - no types
    """What llama.cpp calls a tensor of the encoder; null for one that it must not have."""
    if name in _NAMES:
        return _NAMES[name]
    match = _LAYER_NAME.match(name)
    if match is None or int(match[1]) >= layers:
        return None
    there = _LAYER[match[2]]
    if config.intermediate_size == config.hidden_size and there.startswith("ffn_"):
        # With equal sizes llama.cpp takes the two for those of old files, where they were swapped.
        there = "ffn_down" if there == "ffn_up" else "ffn_up"
    return f"v.blk.{match[1]}.{there}.{match[3]}"


def read_eyes(path: Path) -> Eyes:
    """What an `mmproj` holds; ModelError for one of another kind than LLaVA's."""
    fields, tensors = read_gguf(path)
    if fields.get("clip.projector_type", "mlp") != "mlp" or "mm.model.mlp.1.weight" in tensors:
        found = fields.get("clip.projector_type")
        raise ModelError("convert.gguf_kind", where=path, found=found, expected="mlp")
    config = _config(fields, tensors, where=path)
    state: Tensors = {}
    back = {there: name for name, there in _NAMES.items()}
    parts = {there: name for name, there in _LAYER.items()}
    if config.intermediate_size == config.hidden_size:
        parts |= {"ffn_up": "mlp.fc2", "ffn_down": "mlp.fc1"}
    projector = {}
    for there, tensor in tensors.items():
        match = _BLOCK_NAME.match(there)
        if match is not None and match[2] in parts:
            state[f"encoder.layers.{match[1]}.{parts[match[2]]}.{match[3]}"] = tensor
        elif there in back:
            state[back[there]] = tensor
        elif there in {f"mm.{layer}.{side}" for layer in (0, 2) for side in ("weight", "bias")}:
            _, layer, side = there.split(".")
            projector[f"linear_{1 if layer == '0' else 2}.{side}"] = tensor
        else:
            raise ModelError("model.unexpected_keys", where=path, count=1, names=there)
    for side, value in (("weight", 1.0), ("bias", 0.0)):
        # The norm behind the last layer is not in the file and not read; the class has a place for it.
        state[f"post_layernorm.{side}"] = torch.full((config.hidden_size,), value)
    classic = {f"vision_model.{name}": tensor for name, tensor in state.items()}
    mean, std = (field(fields, f"clip.vision.image_{word}", where=path) for word in ("mean", "std"))
    pictures = image_processor(
        config.image_size, mean=[_short(value) for value in mean], std=[_short(value) for value in std]
    )
    layers = fields.get("clip.vision.feature_layer") or [config.num_hidden_layers - 1]
    return Eyes(tower_of(config, classic, where=path), pictures, projector, int(layers[-1]))


def _config(fields: dict[str, Any], tensors: Tensors, *, where: Path) -> Any:  # noqa: ANN401 - no types
    def value(name: str) -> Any:  # noqa: ANN401 - a number
        return field(fields, f"clip.vision.{name}", where=where)

    sizes = {
        "image_size": value("image_size"),
        "patch_size": value("patch_size"),
        "hidden_size": value("embedding_length"),
        "intermediate_size": value("feed_forward_length"),
        "num_attention_heads": value("attention.head_count"),
        "num_hidden_layers": value("block_count"),
        "layer_norm_eps": _short(value("attention.layer_norm_epsilon")),
    }
    clip = "v.class_embd" in tensors
    gelu = "gelu" if clip else "gelu_pytorch_tanh"
    act = fields.get("doctorsun.hidden_act") or (gelu if fields.get("clip.use_gelu") else "quick_gelu")
    if clip:
        return CLIPVisionConfig(**sizes, hidden_act=act, projection_dim=sizes["hidden_size"])
    return SiglipVisionConfig(**sizes, hidden_act=act, vision_use_head=False)


def _short(value: float) -> float:
    """A float32 as the shortest decimal that stands for it: 0.4814 and not 0.48145467…"""
    return float(f"{value:.8g}")
