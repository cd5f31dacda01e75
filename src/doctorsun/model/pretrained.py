"""Pre-trained parts from a folder or transformers' local cache: nothing missing, nothing remote."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    ImageProcessingMixin,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import load_weights
from doctorsun.model.open_clip import is_open_clip, read_open_clip
from doctorsun.model.pictures import own_processor
from doctorsun.model.trust import refuse_unsafe
from doctorsun.model.vision_family import family_for, square

Stored = torch.dtype | Literal["auto"]


@dataclass(frozen=True, slots=True)
class PretrainedVision:
    """An encoder and the processor that gives it its pictures."""

    model: PreTrainedModel
    image_processor: Any

    @property
    def config(self) -> PretrainedConfig:
        """The encoder's own configuration."""
        return self.model.config


@dataclass(frozen=True, slots=True)
class PretrainedLanguage:
    """A causal language model and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_vision(source: str, *, dtype: Stored = torch.float32) -> PretrainedVision:
    """The encoder of a folder, open_clip's too; its text half or classifier, if there is one, is left out."""
    if is_open_clip(source):
        return _open_clip(Path(source), dtype=dtype)
    config = vision_config(source)
    family = family_for(config.model_type, where=source)
    kind = getattr(transformers, family.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of weights that LLaVA never reads, where the folder has none
        model = load_weights(kind, source, dtype=dtype, allowed=(*family.other_half, *family.unread))
    return PretrainedVision(model, pictures_of(source, model.config))


def pictures_of(source: str, config: PretrainedConfig) -> Any:  # noqa: ANN401 - transformers has no types
    """The processor that does to a padded square what the preprocessor of an encoder's folder would."""
    try:
        told, _ = ImageProcessingMixin.get_image_processor_dict(source, local_files_only=True)
    except (OSError, ValueError):
        raise ModelError("model.no_pictures_config", where=source) from None
    return own_processor(square(config.image_size), told, family_for(str(config.model_type), where=source))


def _open_clip(folder: Path, *, dtype: Stored) -> PretrainedVision:
    model, told = read_open_clip(folder)
    if isinstance(dtype, torch.dtype):
        model.to(dtype)
    family = family_for(str(model.config.model_type), where=folder)
    return PretrainedVision(model, own_processor(square(model.config.image_size), told, family))


def load_language(source: str, *, dtype: Stored = torch.float32) -> PretrainedLanguage:
    """The causal language model of a folder with its tokenizer, in `dtype` or ("auto") as it is stored."""
    tokenizer = load_tokenizer(source)
    language_config(source)
    return PretrainedLanguage(load_weights(AutoModelForCausalLM, source, dtype=dtype), tokenizer)


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder's language model; no weight is read."""
    refuse_unsafe(source)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            source, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError):
        raise ModelError("model.no_model", where=source) from None
    return tokenizer


def vision_config(source: str) -> PretrainedConfig:
    """The configuration of a folder's encoder, also of one that has a text half; no weight is read."""
    config = _config(source)
    family_for(str(config.model_type), where=source)
    own: PretrainedConfig = getattr(config, "vision_config", config)
    return own


def language_config(source: str) -> PretrainedConfig:
    """The configuration of a folder's language model; ModelError if it sees pictures or is quantised."""
    config = _config(source)
    if hasattr(config, "vision_config"):
        raise ModelError("model.language_whole", where=source, found=config.model_type)
    if getattr(config, "quantization_config", None):
        raise ModelError("model.language_quantised", where=source)
    return config


def _config(source: str) -> PretrainedConfig:
    refuse_unsafe(source)
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            source, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError):
        raise ModelError("model.no_model", where=source) from None
    return config
