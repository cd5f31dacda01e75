"""A model without weights, as large as the recipe's: what it would hold and compute can be told from it.

Sizes come from the recipe, from a part's folder where it is on this disk, or from what is published of it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PretrainedConfig,
)
from transformers.initialization import no_init_weights

from doctorsun.core.errors import ModelError
from doctorsun.model.assemble import join_configs, llava_config
from doctorsun.model.config import ModelConfig
from doctorsun.model.trust import refuse_unsafe
from doctorsun.train.estimate.published import hub_ids, published

_ROUND_TO = 64
_ADDED_TOKENS = 2  # the place of an image, and padding


def config_of(model: ModelConfig) -> LlavaConfig:
    """The configuration of the LLaVA that a recipe assembles; ModelError names what is not known."""
    if model.source is not None:
        whole = _read(model.source)
        if not isinstance(whole, LlavaConfig):
            found = None if whole is None else whole.model_type
            raise ModelError("train.no_estimate", where=model.source, found=found)
        return whole
    own = llava_config(model, vocabulary=model.language.vocabulary, image_id=0)
    eyes = _part(model.vision.source) if model.vision.source else own.vision_config
    words = _part(model.language.source) if model.language.source else own.text_config
    return join_configs(model, eyes, words, image_id=0)


def meta_model(config: LlavaConfig, *, dtype: torch.dtype) -> LlavaForConditionalGeneration:
    """The model on the meta device: shapes and no content."""
    with torch.device("meta"), no_init_weights():
        return AutoModelForImageTextToText.from_config(config, dtype=dtype)


def make_fake(model: nn.Module, mode: FakeTensorMode) -> None:
    """Put fake tensors of the CPU in the place of meta ones: autocast knows them for what they stand for."""
    known: dict[int, Tensor] = {}
    for module in model.modules():
        for name, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if id(tensor) not in known:
                with mode:
                    made = torch.empty(tensor.shape, dtype=tensor.dtype)
                learns = isinstance(tensor, nn.Parameter)
                known[id(tensor)] = nn.Parameter(made, tensor.requires_grad) if learns else made
            setattr(module, name, known[id(tensor)])


def with_layers(config: LlavaConfig, *, vision: int, language: int) -> LlavaConfig:
    """The same model with fewer layers; the encoder is read as far from its end as before."""
    tree = config.to_dict()
    before = tree["vision_config"]["num_hidden_layers"]
    chosen = config.vision_feature_layer
    assert isinstance(chosen, int)
    tree["vision_config"]["num_hidden_layers"] = vision
    tree["text_config"]["num_hidden_layers"] = language
    if tree["text_config"].get("layer_types"):
        tree["text_config"]["layer_types"] = tree["text_config"]["layer_types"][:language]
    tree["vision_feature_layer"] = chosen if chosen < 0 else chosen - before - 1
    return LlavaConfig.from_dict(tree)


def _part(source: str) -> PretrainedConfig:
    """The configuration of a part that starts from a folder."""
    found = _read(source)
    if found is not None:
        return getattr(found, "vision_config", found)
    known = published(source)
    if known is None:
        raise ModelError("train.unknown_part", where=source, known=", ".join(hub_ids()))
    sizes = dict(known.sizes)
    if known.tokens and known.tokens + _ADDED_TOKENS > sizes["vocab_size"]:
        sizes["vocab_size"] = -(-(known.tokens + _ADDED_TOKENS) // _ROUND_TO) * _ROUND_TO
    return AutoConfig.for_model(known.model_type, **sizes)


def _read(source: str) -> PretrainedConfig | None:
    """The configuration in a folder; null where there is none."""
    if not (Path(source) / "config.json").is_file():
        return None
    refuse_unsafe(source)
    return AutoConfig.from_pretrained(source, local_files_only=True)
