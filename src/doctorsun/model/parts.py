"""What a model is when it is at hand: weights, processor, and the two translations into what it reads."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import LlavaForConditionalGeneration

from doctorsun.core.errors import ModelError
from doctorsun.model.encode import Encoder
from doctorsun.model.pictures import PictureProcessor


@dataclass(frozen=True, slots=True)
class Parts:
    """A LLaVA and its processor (transformers' own), its encoder of messages, its reader of pictures."""

    model: LlavaForConditionalGeneration
    processor: Any
    encoder: Encoder
    pictures: PictureProcessor


def join_parts(model: LlavaForConditionalGeneration, processor: Any) -> Parts:  # noqa: ANN401 - no types
    """The parts of a model and its processor; ModelError unless image tokens and features are as many."""
    config = model.config
    layers, chosen = config.vision_config.num_hidden_layers, config.vision_feature_layer
    for layer in [chosen] if isinstance(chosen, int) else chosen:
        if not -layers - 1 <= layer <= layers:
            raise ModelError("model.feature_layer", found=layer, layers=layers)
    pictures = PictureProcessor(processor.image_processor)
    tokens = image_tokens(processor, pictures.size)
    features = count_features(model)
    if tokens != features:
        raise ModelError("model.token_count", tokens=tokens, features=features)
    if processor.image_token_id != config.image_token_index:
        raise ModelError(
            "model.image_token", found=processor.image_token_id, expected=config.image_token_index
        )
    size = config.text_config.vocab_size
    if len(processor.tokenizer) > size:
        raise ModelError("model.vocabulary", found=len(processor.tokenizer), expected=size)
    return Parts(model, processor, Encoder(processor.tokenizer, image_tokens=tokens), pictures)


def image_tokens(processor: Any, image_px: int) -> int:  # noqa: ANN401 - transformers has no types
    """How many tokens the processor puts in the place of one image."""
    pixels_CHW = torch.empty(3, image_px, image_px)
    text: str = processor.replace_image_token({"pixel_values": pixels_CHW[None]}, 0)
    return text.count(processor.image_token)


def count_features(model: LlavaForConditionalGeneration) -> int:
    """How many vectors the language model gets for one image, by the shapes of the encoder."""
    config = model.config
    embeddings = model.model.vision_tower.embeddings
    count: int = embeddings.num_positions
    return count - 1 if config.vision_feature_select_strategy == "default" else count
