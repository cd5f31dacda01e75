"""A vision encoder as a folder of its own, under the classic names that every tool reads, and back."""

from pathlib import Path
from typing import Any

from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    PretrainedConfig,
    PreTrainedModel,
    SiglipVisionModel,
)

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import quiet
from doctorsun.model.parts import Parts
from doctorsun.model.pictures import own_processor
from doctorsun.model.pretrained import load_vision, pictures_of, vision_config
from doctorsun.model.shards import Tensors, dtype_of, model_of, vision_tensors, write_config, write_shards
from doctorsun.model.stock import config_of
from doctorsun.model.vision_family import family_for

_CLASSES = {"clip_vision_model": CLIPVisionModel, "siglip_vision_model": SiglipVisionModel}
_LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
_KNOWN = {
    "openai/clip-vit-large-patch14-336": _LARGE
    | {"image_size": 336, "patch_size": 14, "projection_dim": 768},
    "openai/clip-vit-large-patch14": _LARGE | {"image_size": 224, "patch_size": 14, "projection_dim": 768},
}


def known_name(config: PretrainedConfig) -> str | None:
    """The public name of the CLIP encoder that has just this shape; null if there is none."""
    if config.model_type != "clip_vision_model" or config.hidden_act != "quick_gelu":
        return None
    fits = (name for name, sizes in _KNOWN.items() if all(getattr(config, k) == v for k, v in sizes.items()))
    return next(fits, None)


def known_config(name: str) -> CLIPVisionConfig | None:
    """The configuration of a public CLIP encoder by its name; null for one that is not known here."""
    sizes = next((sizes for known, sizes in _KNOWN.items() if name.rstrip("/") == known), None)
    return None if sizes is None else CLIPVisionConfig(**sizes, hidden_act="quick_gelu")


def tower_config(folder: Path) -> PretrainedConfig:
    """The configuration of the encoder of a folder, also of one that has a text half."""
    own = vision_config(str(folder))
    if own.model_type not in _CLASSES:
        raise ModelError("model.vision_kind", where=folder, found=own.model_type, expected=["clip", "siglip"])
    return own


def tower_of(config: PretrainedConfig, tensors: Tensors, *, where: Path) -> PreTrainedModel:
    """The encoder made of tensors under their classic names."""
    tower: PreTrainedModel = model_of(_CLASSES[config.model_type], config, tensors, where=where)
    return tower


def load_tower(folder: Path) -> tuple[PreTrainedModel, Any]:
    """The encoder of a folder and how it wants its pictures."""
    tower_config(folder)
    found = load_vision(str(folder), dtype=dtype_of(config_of(folder)))
    return found.model, found.image_processor


def read_pictures(folder: Path | None, config: PretrainedConfig) -> Any:  # noqa: ANN401 - no types
    """How the encoder of a folder wants its pictures; the way of its family where there is none."""
    if folder is None:
        return own_processor(config.image_size, {}, family_for(str(config.model_type)))
    return pictures_of(str(folder), config)


def write_tower(parts: Parts, folder: Path) -> None:
    """Put the encoder into a folder as its makers publish theirs: weights, configuration, pictures."""
    config, pictures = parts.model.config.vision_config, parts.processor.image_processor
    write_shards(folder, vision_tensors(parts))
    kind = _CLASSES[config.model_type].__name__
    write_config(folder, config.to_dict() | {"architectures": [kind]})
    side = config.image_size
    clip = config.model_type == "clip_vision_model"
    tree = {
        "image_processor_type": "CLIPImageProcessor" if clip else "SiglipImageProcessor",
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "rescale_factor": pictures.rescale_factor,
        "resample": int(pictures.resample),
        "image_mean": list(pictures.image_mean),
        "image_std": list(pictures.image_std),
        "size": {"shortest_edge": side} if clip else {"height": side, "width": side},
    }
    if clip:
        tree |= {"do_center_crop": True, "crop_size": {"height": side, "width": side}}
    with quiet():
        write_config(folder, tree, "preprocessor_config.json")
