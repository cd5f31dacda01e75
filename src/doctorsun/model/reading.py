"""How a model reads a conversation, from its folder or from its recipe, without a weight of it."""

from collections.abc import Iterable
from pathlib import Path

from transformers import AutoConfig

from doctorsun.model.assemble import add_tokens, scratch_vision
from doctorsun.model.config import ModelConfig
from doctorsun.model.encode import Encoder
from doctorsun.model.open_clip import is_open_clip, read_open_clip
from doctorsun.model.parts import image_tokens, whole_encoder, whole_pictures
from doctorsun.model.pictures import PictureProcessor
from doctorsun.model.pretrained import load_tokenizer, vision_config
from doctorsun.model.store import load_processor, model_kind, start_folder
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.vision_family import family_for, feature_count


def encoder_in(folder: Path) -> Encoder:
    """The encoder of a model's folder; ModelError where it has no processor."""
    processor = load_processor(folder)
    if model_kind(folder) not in (None, "llava"):
        return whole_encoder(
            whole_pictures(processor, AutoConfig.from_pretrained(folder, local_files_only=True))
        )
    pictures = PictureProcessor(processor.image_processor)
    return Encoder(processor.tokenizer, image_tokens=image_tokens(processor, pictures.size))


def encoder_for(config: ModelConfig, texts: Iterable[str]) -> Encoder:
    """The encoder that a model of this recipe will have; `texts` teach a tokenizer from scratch.

    An image counts as many tokens as the encoder gives features.
    """
    if config.source:
        return encoder_in(start_folder(config.source))
    language = config.language
    if language.source:
        tokenizer = load_tokenizer(language.source)
    else:
        tokenizer = train_tokenizer(texts, size=language.vocabulary, context=language.context)
    add_tokens(tokenizer)
    return Encoder(tokenizer, image_tokens=_features(config))


def _features(config: ModelConfig) -> int:
    """How many features one picture has in the LLaVA that a recipe assembles."""
    source = config.vision.source
    if source is None:
        eyes = scratch_vision(config.vision)
    elif is_open_clip(source):
        eyes = read_open_clip(Path(source))[0].config  # its sizes stand in the shapes of its weights alone
    else:
        eyes = vision_config(source)
    return feature_count(eyes, family_for(str(eyes.model_type)).strategy(config.select, eyes))
