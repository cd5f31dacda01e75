"""A model on disk: transformers' own format, safetensors only; loading is strict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoModelForImageTextToText, LlavaForConditionalGeneration, LlavaProcessor

from doctorsun import __version__
from doctorsun.core.errors import ModelError
from doctorsun.core.files import whole_folder, write_whole
from doctorsun.model.anatomy import FAMILIES
from doctorsun.model.loading import first_line, load_weights, quiet
from doctorsun.model.parts import Parts, join_parts, join_whole
from doctorsun.model.trust import read_json, refuse_unsafe, verify_manifest, write_manifest
from doctorsun.model.whole_processor import PROCESSOR_FILES, load_whole_processor

ABOUT = "doctorsun.json"
_PROCESSOR_FILES = ("processor_config.json", "tokenizer.json", "tokenizer_config.json")
Dtype = Literal["float32", "bfloat16", "auto"]


def save_model(parts: Parts, folder: Path, *, about: Mapping[str, object] | None = None) -> None:
    """Put weights, processor, template, generation settings, `about` and a manifest into `folder`.

    `about` goes into `doctorsun.json` beside the versions: the recipe, the hash of the data, what a reader
    would ask. The folder is whole or absent.
    """
    with whole_folder(folder) as aside:
        with quiet():
            parts.model.save_pretrained(aside)
            save_processor(parts, aside)
        for weights in aside.glob("*.safetensors"):
            # safetensors makes its files readable by their owner alone; a server may run as another user.
            weights.chmod((aside / "config.json").stat().st_mode)
        versions = {
            "doctorsun": __version__,
            "transformers": transformers.__version__,
            "torch": torch.__version__,
        }
        text = json.dumps({"versions": versions, **(about or {})}, indent=1, ensure_ascii=False, default=str)
        write_whole(aside / ABOUT, text + "\n")
        write_manifest(aside)


def load_model(folder: Path, *, dtype: Dtype = "float32") -> Parts:
    """The model of a folder, to the last tensor; ModelError if it is none, was changed, or wants code run.

    `dtype` "auto" is as it is stored.
    """
    stored = dtype if dtype == "auto" else getattr(torch, dtype)
    if not (folder / "config.json").is_file():
        raise ModelError("model.no_model", where=folder)
    refuse_unsafe(folder)
    verify_manifest(folder)
    kind = model_kind(folder)
    if kind not in FAMILIES:
        raise ModelError("model.unknown_kind", where=folder, found=kind, expected=sorted(FAMILIES))
    if not list(folder.glob("*.safetensors")):
        raise ModelError("model.no_weights", where=folder)
    processor = load_processor(folder)
    if kind != "llava":
        model = load_weights(AutoModelForImageTextToText, folder, dtype=stored)
        return join_whole(model, processor, folder)
    model = load_weights(LlavaForConditionalGeneration, folder, dtype=stored)
    return join_parts(model, processor)


def save_processor(parts: Parts, folder: Path) -> None:
    """Put the processor of a model into a folder; of a whole model its own files, as they are."""
    if parts.source is None:
        parts.processor.save_pretrained(folder)
        return
    for name in PROCESSOR_FILES:
        if (parts.source / name).is_file():
            write_whole(folder / name, (parts.source / name).read_text(encoding="utf-8"))


def load_processor(folder: Path) -> Any:  # noqa: ANN401 - transformers has no types
    """The processor of a model folder, of the Pillow kind also where torchvision is installed."""
    refuse_unsafe(folder)
    kind = model_kind(folder)
    if kind not in (None, "llava"):
        return load_whole_processor(folder, kind)
    absent = [name for name in _PROCESSOR_FILES if not (folder / name).is_file()]
    if absent:
        raise ModelError("model.no_processor", where=folder, problem=", ".join(absent))
    try:
        with quiet():
            return LlavaProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    except StrictDataclassError as error:
        raise ModelError("model.bad_config", where=folder, problem=first_line(error)) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError("model.no_processor", where=folder, problem=type(error).__name__) from None


def model_kind(folder: Path) -> str | None:
    """The `model_type` of a model folder; null where none is told."""
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else None
    return config.get("model_type") if isinstance(config, dict) else None


def start_folder(source: str) -> Path:
    """The model folder that a recipe's `from` means: the folder itself, or `model/` in that of a run."""
    folder = Path(source)
    found = next((place for place in (folder, folder / "model") if (place / "config.json").is_file()), None)
    if found is None:
        raise ModelError("model.no_model", where=folder)
    return found


def read_about(folder: Path) -> dict[str, object]:
    """What `save_model` was told of a model; empty for a folder that another program wrote."""
    path = folder / ABOUT
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
