"""A LLaVA put together of parts that are at hand; no weight is copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from doctorsun.core.errors import ModelError
from doctorsun.model.assemble import add_tokens
from doctorsun.model.parts import Parts, join_parts
from doctorsun.model.placing import put_into
from doctorsun.model.template import with_images
from doctorsun.model.tokenizer import IMAGE_TOKEN


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a LLaVA is joined of; `projector` holds `linear_1.weight` and its like.

    `feature_layer` counts as transformers' `hidden_states`; `select` is `default` (no class token) or `full`.
    """

    vision: PreTrainedModel
    pictures: Any
    language: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    projector: Mapping[str, torch.Tensor]
    feature_layer: int = -2
    select: str = "default"


def join(pieces: Pieces) -> Parts:
    """The LLaVA of these pieces, in evaluation mode; ModelError where they do not fit each other."""
    tokenizer, eyes, words = pieces.tokenizer, pieces.vision.config, pieces.language.config
    make_ready(tokenizer)
    config = LlavaConfig(
        vision_config=eyes,
        text_config=words,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=(eyes.image_size // eyes.patch_size) ** 2,
        vision_feature_layer=pieces.feature_layer,
        vision_feature_select_strategy=pieces.select,
        multimodal_projector_bias="linear_1.bias" in pieces.projector,
        tie_word_embeddings=bool(words.tie_word_embeddings),
        dtype=pieces.language.dtype,
    )
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    model.model.vision_tower = pieces.vision
    put_into(model, pieces.language, tokens=len(tokenizer))
    _fill(model.model.multi_modal_projector, pieces.projector)
    parts = join_parts(model.eval(), processor_of(pieces))
    model.generation_config = GenerationConfig(
        eos_token_id=parts.encoder.end_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        do_sample=False,
    )
    return parts


def processor_of(pieces: Pieces) -> LlavaProcessor:
    """The processor for these pieces, which puts as many tokens as there are features."""
    eyes = pieces.vision.config
    positions: int = pieces.vision.embeddings.position_embedding.weight.shape[0]
    return LlavaProcessor(
        image_processor=pieces.pictures,
        tokenizer=pieces.tokenizer,
        patch_size=eyes.patch_size,
        vision_feature_select_strategy=pieces.select,
        num_additional_image_tokens=positions - (eyes.image_size // eyes.patch_size) ** 2,
        chat_template=pieces.tokenizer.chat_template,
        image_token=IMAGE_TOKEN,
    )


def make_ready(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer what a LLaVA needs, unless it was given before."""
    template = tokenizer.chat_template
    ready = isinstance(template, str) and template.startswith(with_images(""))
    if not ready or tokenizer.pad_token is None or IMAGE_TOKEN not in tokenizer.get_added_vocab():
        add_tokens(tokenizer)


def _fill(projector: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wanted != found:
        raise ModelError("convert.projector_shapes", found=_shown(found), expected=_shown(wanted))
    projector.load_state_dict(dict(tensors), assign=True)
    projector.requires_grad_(True)


def _shown(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in sorted(shapes.items()))
