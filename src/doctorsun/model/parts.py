"""What a model is when it is at hand: weights, processor, and the two translations into what it reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlavaForConditionalGeneration

from doctorsun.core.errors import ModelError
from doctorsun.core.schema import Message, Part
from doctorsun.model.anatomy import anatomy
from doctorsun.model.encode import Encoder
from doctorsun.model.pictures import PictureProcessor
from doctorsun.model.vision_family import feature_count
from doctorsun.model.whole import WholePictures


@dataclass(frozen=True, slots=True)
class Parts:
    """A model and its processor (transformers' own), its encoder of messages, its reader of pictures.

    `source` is the folder of a whole model, whose processor's files go with it wherever it is saved.
    """

    model: Any
    processor: Any
    encoder: Encoder
    reader: PictureProcessor | WholePictures
    source: Path | None = None

    @property
    def whole(self) -> WholePictures | None:
        """How a model that is no LLaVA reads its pictures; null for a LLaVA, which takes the lean paths."""
        return self.reader if isinstance(self.reader, WholePictures) else None

    @property
    def pictures(self) -> PictureProcessor:
        """How a LLaVA reads pictures; ModelError for models that read them in their own way."""
        if isinstance(self.reader, WholePictures):
            raise ModelError("model.no_squares", found=type(self.model).__name__)
        return self.reader


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


def join_whole(model: Any, processor: Any, source: Path) -> Parts:  # noqa: ANN401 - no types
    """The parts of a whole model; ModelError unless the encoder writes what its processor writes."""
    anatomy(model)
    reader = whole_pictures(processor, model.config)
    size = model.config.text_config.vocab_size
    if len(processor.tokenizer) > size:
        raise ModelError("model.vocabulary", found=len(processor.tokenizer), expected=size)
    encoder = whole_encoder(reader)
    _refuse_other_ids(encoder, reader)
    return Parts(model, processor, encoder, reader, source)


def whole_pictures(processor: Any, config: Any) -> WholePictures:  # noqa: ANN401 - no types
    """How the processor of a whole model reads pictures."""
    number = getattr(config, "image_token_id", None) or config.image_token_index
    return WholePictures(processor, token=processor.tokenizer.convert_ids_to_tokens(number))


def whole_encoder(reader: WholePictures) -> Encoder:
    """The encoder of a whole model; a picture of unknown size counts as a middling one."""
    (middling,) = reader.expand([None])
    return Encoder(reader.chat.tokenizer, image_tokens=sum(middling.runs), pictured=reader)


def _refuse_other_ids(encoder: Encoder, reader: WholePictures) -> None:
    asked = encoder.prompt([Message("user", (Part("image"), Part("text", "?")))], sizes=[(64, 48)]).ids
    if asked != reader.probe((64, 48), "?"):
        raise ModelError("model.other_ids", found=type(reader.chat).__name__)


def image_tokens(processor: Any, image_px: int) -> int:  # noqa: ANN401 - transformers has no types
    """How many tokens the processor puts in the place of one image."""
    pixels_CHW = torch.empty(3, image_px, image_px)
    text: str = processor.replace_image_token({"pixel_values": pixels_CHW[None]}, 0)
    return text.count(processor.image_token)


def count_features(model: LlavaForConditionalGeneration) -> int:
    """How many vectors the language model gets for one image, by the family of the encoder."""
    config = model.config
    return feature_count(config.vision_config, config.vision_feature_select_strategy)
