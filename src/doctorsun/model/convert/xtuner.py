"""xtuner's directory (what its `pth_to_hf` writes): LLM, `projector/`, `visual_encoder[_adapter]/`.

The layer that is read and the padding stand nowhere in it; they are xtuner's defaults: hidden state -2
without the class token, pictures padded to a square. Python files in it are never run.
"""

from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM

from doctorsun.core.errors import ModelError
from doctorsun.model.joining import Pieces, join
from doctorsun.model.loading import load_weights, quiet
from doctorsun.model.low_rank import LowRank, add_adapter, read_adapter
from doctorsun.model.parts import Parts
from doctorsun.model.shards import (
    causal_model,
    dtype_of,
    projector_tensors,
    read_shards,
    write_config,
    write_shards,
)
from doctorsun.model.stock import Stock, config_of
from doctorsun.model.towers import load_tower, write_tower
from doctorsun.model.trust import verify_manifest
from doctorsun.model.words import tokenizer_of

QUANTISE: tuple[str, ...] = ()
PROJECTOR, TOWER, TOWER_ADAPTER = "projector", "visual_encoder", "visual_encoder_adapter"
LANGUAGE_ADAPTER = "llm_adapter"
_LAYERS = {"model.0": "linear_1", "model.2": "linear_2"}


def recognise(folder: Path) -> bool:
    """Whether a folder holds what xtuner leaves; ModelError for its `.pth`, which would run code."""
    if folder.suffix == ".pth" or (folder.is_dir() and any(folder.glob("*.pth"))):
        raise ModelError("convert.pth", where=folder)
    return (folder / PROJECTOR).is_dir() and any((folder / PROJECTOR).glob("*.safetensors"))


def read(folder: Path, stock: Stock) -> Parts:
    """The model of a directory with its adapters merged; ModelError names the base that is missing."""
    verify_manifest(folder)
    vision, pictures = _vision(folder, stock)
    language, words = _language(folder, stock)
    projector = {}
    for name, tensor in read_shards(folder / PROJECTOR).items():
        layer, _, side = name.rpartition(".")
        projector[f"{_LAYERS.get(layer, layer)}.{side}"] = tensor
    select = "default" if vision.config.model_type == "clip_vision_model" else "full"
    return join(Pieces(vision, pictures, language, words, projector, feature_layer=-2, select=select))


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put a model into `folder` as xtuner does; ModelError where xtuner would read it in another way."""
    config = parts.model.config
    eyes, words = config.vision_config, config.text_config
    if eyes.model_type not in {"clip_vision_model", "siglip_vision_model"}:
        raise ModelError(
            "convert.vision_unknown", target="xtuner", found=eyes.model_type, known="clip, siglip"
        )
    layers = eyes.num_hidden_layers
    if config.vision_feature_layer not in {-2, layers - 1}:
        raise ModelError(
            "convert.other_layer", target="xtuner", found=config.vision_feature_layer, expected=-2
        )
    if eyes.model_type == "clip_vision_model" and config.vision_feature_select_strategy != "default":
        raise ModelError("convert.class_token", target="xtuner")
    with quiet():
        causal_model(parts).save_pretrained(folder)
        parts.processor.tokenizer.save_pretrained(folder)
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)
    write_shards(folder / PROJECTOR, projector_tensors(parts, prefix="model."))
    write_config(
        folder / PROJECTOR,
        {
            "model_type": "projector",
            "architectures": ["ProjectorModel"],
            "visual_hidden_size": eyes.hidden_size,
            "llm_hidden_size": words.hidden_size,
            "depth": 2,
            "hidden_act": "gelu",
            "bias": True,
            "dtype": str(parts.model.dtype).removeprefix("torch."),
        },
    )
    write_tower(parts, folder / TOWER)


def _vision(folder: Path, stock: Stock) -> tuple[Any, Any]:
    place = folder / TOWER if (folder / TOWER).is_dir() else stock.vision
    if place is None:
        raise ModelError("convert.needs_tower", where=folder)
    tower, pictures = load_tower(place)
    if (folder / TOWER_ADAPTER).is_dir():
        found = read_adapter(folder / TOWER_ADAPTER)
        adapters = {name.removeprefix("vision_model."): adapter for name, adapter in found.items()}
        _merge(tower, adapters, where=folder / TOWER_ADAPTER)
    return tower, pictures


def _language(folder: Path, stock: Stock) -> tuple[Any, Any]:
    whole = (folder / "config.json").is_file()
    place = folder if whole else stock.language
    if place is None:
        raise ModelError("convert.needs_language", where=folder)
    if any(place.glob("*.bin")):
        raise ModelError("convert.pth", where=place)
    model = load_weights(AutoModelForCausalLM, place, dtype=dtype_of(config_of(place)))
    if (folder / LANGUAGE_ADAPTER).is_dir():
        _merge(model, read_adapter(folder / LANGUAGE_ADAPTER), where=folder / LANGUAGE_ADAPTER)
    return model, tokenizer_of(place)


def _merge(model: Any, adapters: dict[str, LowRank], *, where: Path) -> None:  # noqa: ANN401 - no types
    merged = add_adapter(model.state_dict(), adapters, where=where)
    model.load_state_dict(merged, assign=True)
