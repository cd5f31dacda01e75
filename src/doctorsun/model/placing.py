"""A language model put into a LLaVA: the same weights, not a copy, telling the same there as alone."""

from typing import Any

import torch
from transformers import AutoModel, LlavaForConditionalGeneration, PreTrainedModel

from doctorsun.core.errors import ModelError

_ROUND_TO = 64
# What some causal language models do to their logits, and LLaVA's class does not.
_ON_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_multiplier")
_LAYERS = {"full_attention", "sliding_attention"}


def put_into(llava: LlavaForConditionalGeneration, language: PreTrainedModel, *, tokens: int) -> None:
    """Make this the language model of a LLaVA, with room for `tokens`; ModelError names what it cannot do."""
    refuse_foreign(language)
    ids = torch.arange(8)[None] + 5
    with torch.inference_mode():
        alone = language(input_ids=ids).logits
    llava.model.language_model = language.base_model
    llava.lm_head = language.get_output_embeddings()
    llava.lm_head.bias = None
    with torch.inference_mode():
        joined = llava(input_ids=ids).logits
    if not torch.allclose(alone, joined, rtol=1e-3, atol=1e-4):
        raise ModelError("model.language_differs", found=type(language).__name__)
    if tokens > language.config.vocab_size:
        llava.resize_token_embeddings(tokens, pad_to_multiple_of=_ROUND_TO, mean_resizing=False)


def refuse_foreign(language: PreTrainedModel) -> None:
    """ModelError that names what a language model has and LLaVA, or training in packed rows, has not."""
    config: Any = language.config
    name = type(language).__name__
    for key in _ON_LOGITS:
        if getattr(config, key, None) not in (None, 1, 1.0):
            raise ModelError("model.on_logits", found=name, setting=key, value=getattr(config, key))
    kinds = set(getattr(config, "layer_types", None) or _LAYERS) - _LAYERS
    if getattr(config, "attn_logit_softcapping", None):
        kinds.add("attn_logit_softcapping")
    kinds |= {"sinks" for path, _ in language.named_parameters() if path.endswith(".sinks")}
    if kinds or not language._supports_attention_backend:
        raise ModelError("model.language_layers", found=name, kinds=", ".join(sorted(kinds)) or "-")
    bias = getattr(language.get_output_embeddings(), "bias", None)
    if bias is not None and bool(bias.any()):
        raise ModelError("model.head_bias", found=name)
    with torch.device("meta"):
        own = type(AutoModel.from_config(config))
    inner = language.base_model
    if own is not type(inner) or not hasattr(inner, "embed_tokens"):
        raise ModelError("model.language_class", found=name, expected=own.__name__)
