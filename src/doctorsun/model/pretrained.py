"""Pre-trained parts from a folder or transformers' local cache: nothing missing, nothing remote."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPVisionModel,
    LlavaForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    SiglipVisionModel,
)

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import load_weights
from doctorsun.model.pictures import image_processor
from doctorsun.model.trust import refuse_unsafe

_VISION = {"clip": CLIPVisionModel, "siglip": SiglipVisionModel}
_OTHER_HALF = ("text_model.", "visual_projection.", "text_projection.", "logit_scale", "logit_bias")
_ROUND_TO = 64


@dataclass(frozen=True, slots=True)
class PretrainedVision:
    """A CLIP or SigLIP encoder and how it wants its pictures."""

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

    def put_into(self, llava: LlavaForConditionalGeneration, *, tokens: int) -> None:
        """Make this the language model of a LLaVA; it must tell the same there as alone."""
        ids = torch.arange(8)[None] + 5
        with torch.inference_mode():
            alone = self.model(input_ids=ids).logits
        head = self.model.get_output_embeddings()
        if getattr(head, "bias", None) is not None:
            raise ModelError("model.head_bias", found=type(self.model).__name__)
        llava.model.language_model = self.model.base_model
        llava.lm_head = head
        with torch.inference_mode():
            joined = llava(input_ids=ids).logits
        if not torch.allclose(alone, joined, rtol=1e-3, atol=1e-4):
            raise ModelError("model.language_differs", found=type(self.model).__name__)
        if tokens > self.model.config.vocab_size:
            llava.resize_token_embeddings(tokens, pad_to_multiple_of=_ROUND_TO, mean_resizing=False)


def load_vision(source: str) -> PretrainedVision:
    """The encoder of a CLIP or SigLIP folder; its text half, if there is one, is left out."""
    refuse_unsafe(source)
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError):
        raise ModelError("model.no_model", where=source) from None
    kind = str(config.model_type).removesuffix("_vision_model")
    if kind not in _VISION:
        raise ModelError("model.vision_kind", where=source, found=config.model_type, expected=sorted(_VISION))
    model = load_weights(_VISION[kind], source, dtype=torch.float32, allowed=_OTHER_HALF)
    try:
        own = AutoImageProcessor.from_pretrained(source, local_files_only=True, backend="pil")
    except (OSError, ValueError):
        raise ModelError("model.no_pictures_config", where=source) from None
    pictures = image_processor(model.config.image_size, mean=own.image_mean, std=own.image_std)
    return PretrainedVision(model, pictures)


def load_language(source: str) -> PretrainedLanguage:
    """The causal language model of a folder with its tokenizer."""
    tokenizer = load_tokenizer(source)
    return PretrainedLanguage(load_weights(AutoModelForCausalLM, source, dtype=torch.float32), tokenizer)


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
