"""The official LLaVA layout, as Doctor Sun's own models were released: `LlavaLlamaForCausalLM`.

The trained encoder lies inside the shards, and `unfreeze_mm_vision_tower` makes loaders take it from there;
without that word they take the stock encoder and say nothing. `vision_tower/` holds the encoder once more,
with how it wants its pictures, for tools that look for a folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from doctorsun.core.errors import ModelError
from doctorsun.core.progress import reporter
from doctorsun.model.joining import Pieces, join
from doctorsun.model.loading import first_line, quiet
from doctorsun.model.parts import Parts
from doctorsun.model.shards import (
    Tensors,
    language_tensors,
    model_of,
    projector_tensors,
    read_shards,
    vision_tensors,
    write_config,
    write_shards,
)
from doctorsun.model.stock import Stock, config_of
from doctorsun.model.towers import (
    known_config,
    known_name,
    load_tower,
    read_pictures,
    tower_config,
    tower_of,
    write_tower,
)
from doctorsun.model.trust import refuse_unsafe, verify_manifest
from doctorsun.model.words import tokenizer_of

QUANTISE: tuple[str, ...] = ()
TOWER = "vision_tower"
_INSIDE = "model.vision_tower.vision_tower."
_PROJECTOR = "model.mm_projector."
_KINDS = {
    "llama": ("llava_llama", "LlavaLlamaForCausalLM"),
    "mistral": ("llava_mistral", "LlavaMistralForCausalLM"),
    "qwen2": ("llava_qwen", "LlavaQwenForCausalLM"),
}
_OTHER_NAMES = {"llava": "llama", "llava_llama": "llama", "llava_mistral": "mistral", "llava_qwen": "qwen2"}
_LAYERS = {"0.weight": "linear_1.weight", "0.bias": "linear_1.bias"} | {
    "2.weight": "linear_2.weight",
    "2.bias": "linear_2.bias",
}


def recognise(folder: Path) -> bool:
    """Whether a folder says that it is a model of the official LLaVA code."""
    return "mm_vision_tower" in config_of(folder)


def read(folder: Path, stock: Stock) -> Parts:
    """The model of a folder; ModelError if its encoder is not in it and no stock encoder was given."""
    refuse_unsafe(folder)
    verify_manifest(folder)
    config = config_of(folder)
    _refuse_other_kinds(folder, config)
    projector, inside, words = _sorted(read_shards(folder))
    if config.get("image_aspect_ratio") != "pad":
        reporter().note("convert.llava_no_pad", where=folder, found=config.get("image_aspect_ratio"))
    vision, pictures = _vision(folder, config, inside, stock)
    return join(
        Pieces(
            vision=vision,
            pictures=pictures,
            language=_language(folder, config, words),
            tokenizer=tokenizer_of(folder),
            projector={_LAYERS.get(name, name): tensor for name, tensor in projector.items()},
            feature_layer=int(str(config.get("mm_vision_select_layer", -2))),
            select=_select(config, vision),
        )
    )


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put a model into `folder` in the official layout; ModelError for parts that it does not know."""
    config = parts.model.config
    text, eyes = config.text_config, config.vision_config
    if text.model_type not in _KINDS:
        raise ModelError(
            "convert.language_unknown", target="llava", found=text.model_type, known=sorted(_KINDS)
        )
    if eyes.model_type not in {"clip_vision_model", "siglip_vision_model"}:
        raise ModelError(
            "convert.vision_unknown", target="llava", found=eyes.model_type, known="clip, siglip"
        )
    if not isinstance(config.vision_feature_layer, int):
        raise ModelError("convert.many_layers", target="llava", found=config.vision_feature_layer)
    tensors = language_tensors(parts)
    tensors |= projector_tensors(parts, prefix=_PROJECTOR)
    tensors |= vision_tensors(parts, prefix=_INSIDE)
    write_shards(folder, tensors)
    write_tower(parts, folder / TOWER)
    kind, architecture = _KINDS[text.model_type]
    tree = text.to_dict() | {
        "model_type": kind,
        "architectures": [architecture],
        "dtype": str(parts.model.dtype).removeprefix("torch."),
        "torch_dtype": str(parts.model.dtype).removeprefix("torch."),
        "mm_vision_tower": known_name(eyes) or TOWER,
        "mm_hidden_size": eyes.hidden_size,
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_layer": config.vision_feature_layer,
        "mm_vision_select_feature": "patch" if _without_class(parts) else "cls_patch",
        "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False,
        "image_aspect_ratio": "pad",
        "unfreeze_mm_vision_tower": True,
        "use_mm_proj": True,
        "tokenizer_model_max_length": text.max_position_embeddings,
    }
    write_config(folder, tree)
    with quiet():
        parts.model.generation_config.save_pretrained(folder)
        parts.processor.tokenizer.save_pretrained(folder)


def _without_class(parts: Parts) -> bool:
    config = parts.model.config
    has_class = config.vision_config.model_type == "clip_vision_model"
    return not has_class or config.vision_feature_select_strategy == "default"


def _refuse_other_kinds(folder: Path, config: Mapping[str, object]) -> None:
    expected = {
        "mm_projector_type": "mlp2x_gelu",
        "mm_patch_merge_type": "flat",
        "mm_use_im_start_end": False,
    }
    for key, only in expected.items():
        found = config.get(key, only)
        if found != only:
            raise ModelError("convert.llava_setting", where=folder, name=key, found=found, expected=only)
    if "anyres" in str(config.get("image_aspect_ratio")):
        found = config["image_aspect_ratio"]
        raise ModelError(
            "convert.llava_setting", where=folder, name="image_aspect_ratio", found=found, expected="pad"
        )


def _sorted(tensors: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    """The tensors of the projector, of the encoder and of the language model, without their prefixes."""
    projector = {
        name.removeprefix(_PROJECTOR): t for name, t in tensors.items() if name.startswith(_PROJECTOR)
    }
    inside = {name.removeprefix(_INSIDE): t for name, t in tensors.items() if name.startswith(_INSIDE)}
    rest = {name: t for name, t in tensors.items() if not name.startswith((_PROJECTOR, _INSIDE))}
    return projector, inside, rest


def _vision(folder: Path, config: Mapping[str, object], inside: Tensors, stock: Stock) -> tuple[Any, Any]:
    """The encoder and its image processor: from the shards, else the stock one that was given."""
    name = str(config["mm_vision_tower"])
    if not inside:
        if stock.vision is None:
            raise ModelError("convert.llava_no_tower", where=folder, name=name)
        reporter().note("convert.stock_tower", where=stock.vision)
        return load_tower(stock.vision)
    if config.get("unfreeze_mm_vision_tower") is not True:
        reporter().note("convert.tower_ignored", where=folder, name=name)
    if (folder / TOWER / "config.json").is_file():
        place: Path | None = folder / TOWER
    else:
        place = stock.vision
    eyes = tower_config(place) if place else known_config(name)
    if eyes is None:
        raise ModelError("convert.tower_shape", where=folder, name=name)
    return tower_of(eyes, inside, where=folder), read_pictures(place, eyes)


def _language(folder: Path, config: Mapping[str, object], tensors: Tensors) -> Any:  # noqa: ANN401 - no types
    kind = _OTHER_NAMES.get(str(config.get("model_type")))
    if kind is None:
        known = sorted(_OTHER_NAMES)
        raise ModelError(
            "convert.language_unknown", target="llava", found=config.get("model_type"), known=known
        )
    own = {key: value for key, value in config.items() if not key.startswith("mm_")}
    own = {key: value for key, value in own.items() if key not in {"model_type", "architectures", "auto_map"}}
    try:
        words = AutoConfig.for_model(kind, **own)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError("model.bad_config", where=folder, problem=first_line(error)) from None
    return model_of(MODEL_FOR_CAUSAL_LM_MAPPING[type(words)], words, tensors, where=folder)


def _select(config: Mapping[str, object], vision: Any) -> str:  # noqa: ANN401 - transformers has no types
    if vision.config.model_type != "clip_vision_model":
        return "full"
    return "full" if config.get("mm_vision_select_feature") == "cls_patch" else "default"
