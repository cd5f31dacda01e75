"""open_clip's folders (BiomedCLIP and others) -> an encoder of transformers, tensor by tensor.

Two layouts are known: CLIP's own (`visual.transformer.resblocks`) becomes a CLIPVisionModel, a timm vision
transformer (`visual.trunk.blocks`) a ViTModel. The text side and the last projection are left out.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPVisionConfig, CLIPVisionModel, PreTrainedModel, ViTConfig, ViTModel

from doctorsun.core.errors import ModelError
from doctorsun.model.trust import check_loading, read_json, refuse_unsafe
from doctorsun.model.vision_family import BICUBIC, BILINEAR, CLIP_MEAN, CLIP_STD

CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "model.safetensors")
_PICKLE = "open_clip_pytorch_model.bin"
Tensors = dict[str, torch.Tensor]
# What one file calls the pieces and transformers the others; `qkv` is cut in three.
_CLIP = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1": "embeddings.patch_embedding",
    "ln_pre": "pre_layrnorm",
    "ln_post": "post_layernorm",
    "transformer.resblocks": "encoder.layers",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.in_proj_": "self_attn.qkv.",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_TIMM = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "blocks": "layers",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.o_proj",
    "norm": "layernorm",
}


def is_open_clip(source: str | Path) -> bool:
    """Whether a folder is open_clip's and has no configuration of transformers."""
    folder = Path(source)
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def read_open_clip(folder: Path) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The encoder of an open_clip folder, and what a preprocessor of transformers would say for it.

    ModelError for pickled weights (with the line that converts them), for layouts unknown, and for tensors
    that are missing or have no place.
    """
    if (folder / _PICKLE).is_file():
        raise ModelError("model.open_clip_pickle", where=folder / _PICKLE)
    refuse_unsafe(folder)
    tree = read_json(folder / CONFIG)
    told = tree.get("model_cfg", tree) if isinstance(tree, dict) else {}
    tensors = _read(folder)
    if any(name.startswith("transformer.resblocks.") for name in tensors):
        model = _clip(told, tensors)
        renamed = _renamed(tensors, _CLIP, left_out=("proj",))
    elif any(name.startswith("trunk.blocks.") for name in tensors):
        model = _vit(told, tensors)
        trunk = {name.removeprefix("trunk."): tensor for name, tensor in tensors.items()}
        renamed = _renamed(trunk, _TIMM, left_out=("head.",))
    else:
        raise ModelError("model.open_clip_layout", where=folder)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    wrong = [name for name, tensor in renamed.items() if shapes.get(name, tensor.shape) != tensor.shape]
    check_loading(folder, {"mismatched_keys": wrong})
    found = model.load_state_dict(renamed, strict=False, assign=True)
    check_loading(folder, {"missing_keys": found.missing_keys, "unexpected_keys": found.unexpected_keys})
    return model.eval(), _pictures(tree)


def _read(folder: Path) -> Tensors:
    """The tensors of the encoder, without the `visual.` before their names."""
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise ModelError("model.no_weights", where=folder)
    try:
        tensors = load_file(path)
    except SafetensorError:
        raise ModelError("model.broken_weights", where=folder) from None
    start = "visual."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _clip(told: Mapping[str, Any], tensors: Tensors) -> PreTrainedModel:
    eyes, kernel = told["vision_cfg"], tensors["conv1.weight"]
    width, patch = kernel.shape[0], kernel.shape[-1]
    layers = _layers(tensors, "transformer.resblocks")
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        num_hidden_layers=layers,
        num_attention_heads=width // int(eyes.get("head_width", 64)),
        image_size=_side(tensors["positional_embedding"].shape[0], patch),
        patch_size=patch,
        hidden_act="quick_gelu" if told.get("quick_gelu") else "gelu",
        dtype=kernel.dtype,
    )
    return CLIPVisionModel(config)


def _vit(told: Mapping[str, Any], tensors: Tensors) -> PreTrainedModel:
    name = str(told["vision_cfg"].get("timm_model_name", ""))
    kernel = tensors["trunk.patch_embed.proj.weight"]
    width, patch = kernel.shape[0], kernel.shape[-1]
    config = ViTConfig(
        hidden_size=width,
        intermediate_size=tensors["trunk.blocks.0.mlp.fc1.weight"].shape[0],
        num_hidden_layers=_layers(tensors, "trunk.blocks"),
        # timm's transformers have heads of 64 figures; huge ones and giants have 16 wider heads.
        num_attention_heads=16 if re.search("huge|giant|gigantic", name) else width // 64,
        image_size=_side(tensors["trunk.pos_embed"].shape[1], patch),
        patch_size=patch,
        layer_norm_eps=1e-6,
        dtype=kernel.dtype,
    )
    return ViTModel(config, add_pooling_layer=False)


def _layers(tensors: Tensors, path: str) -> int:
    numbers = (re.match(rf"{re.escape(path)}\.(\d+)\.", name) for name in tensors)
    return 1 + max(int(number[1]) for number in numbers if number)


def _side(positions: int, patch: int) -> int:
    """The side in pixels of pictures with so many positions, one of which is the class token's."""
    return math.isqrt(positions - 1) * patch


def _renamed(tensors: Tensors, words: Mapping[str, str], *, left_out: tuple[str, ...]) -> Tensors:
    """The tensors under transformers' names; the joint one for query, key and value as three."""
    renamed: Tensors = {}
    pattern = re.compile(r"(?:^|(?<=\.))(" + "|".join(map(re.escape, words)) + r")(?=\.|$|weight|bias)")
    for name, tensor in tensors.items():
        if name.startswith(left_out):
            continue
        new = pattern.sub(lambda match: words[match[1]], name)
        if ".qkv." not in new:
            renamed[new] = tensor
            continue
        for letter, third in zip("qkv", tensor.chunk(3), strict=True):
            renamed[new.replace(".qkv.", f".{letter}_proj.")] = third.clone()
    return renamed


def _pictures(tree: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    told = tree.get("preprocess_cfg", {})
    return {
        "image_mean": told.get("mean", CLIP_MEAN),
        "image_std": told.get("std", CLIP_STD),
        "resample": BILINEAR if told.get("interpolation") == "bilinear" else BICUBIC,
    }
