"""Encoder + projector + language model -> transformers' own LLaVA, from scratch or from pre-trained parts."""

import torch
from transformers import (
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerBase,
    SiglipVisionConfig,
)

from doctorsun.core.errors import ModelError
from doctorsun.model.config import LanguageConfig, ModelConfig, VisionConfig
from doctorsun.model.parts import Parts, join_parts
from doctorsun.model.pictures import image_processor
from doctorsun.model.positions import start_positions
from doctorsun.model.pretrained import PretrainedLanguage, PretrainedVision, load_language, load_vision
from doctorsun.model.template import with_images
from doctorsun.model.tokenizer import IMAGE_TOKEN, PAD_TOKEN


def assemble(config: ModelConfig, tokenizer: PreTrainedTokenizerBase | None = None, *, seed: int) -> Parts:
    """A LLaVA of the parts a recipe names; the same weights for the same seed.

    `tokenizer` is that of a language model from scratch; a pre-trained one brings its own. Float32.
    """
    vision = load_vision(config.vision.source) if config.vision.source else None
    language = load_language(config.language.source) if config.language.source else None
    if language is not None:
        tokenizer = language.tokenizer
    if tokenizer is None:
        raise ModelError("model.no_tokenizer")
    add_tokens(tokenizer)
    llava = _llava_config(config, tokenizer, vision=vision, language=language)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(llava, vision=vision, language=language, tokens=len(tokenizer))
    if vision is None:
        start_positions(model.model.vision_tower)
    processor = LlavaProcessor(
        image_processor=vision.image_processor if vision else _own_pictures(config.vision),
        tokenizer=tokenizer,
        patch_size=llava.vision_config.patch_size,
        vision_feature_select_strategy=llava.vision_feature_select_strategy,
        num_additional_image_tokens=1 if _has_class_token(llava.vision_config) else 0,
        chat_template=tokenizer.chat_template,
        image_token=IMAGE_TOKEN,
    )
    parts = join_parts(model.eval(), processor)
    model.generation_config = GenerationConfig(
        eos_token_id=parts.encoder.end_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        do_sample=False,
    )
    return parts


def llava_config(config: ModelConfig, *, vocabulary: int, image_id: int) -> LlavaConfig:
    """The configuration of a model from scratch, for counting and estimates (nothing is loaded)."""
    return LlavaConfig(
        vision_config=_vision_config(config.vision),
        text_config=_language_config(config.language, vocabulary=vocabulary, pad_id=None, end_id=None),
        image_token_index=image_id,
        image_seq_length=(config.vision.image_px // config.vision.patch_px) ** 2,
        vision_feature_layer=config.feature_layer,
        vision_feature_select_strategy=_select(config, _has_class_token(_vision_config(config.vision))),
        tie_word_embeddings=config.language.tie,
    )


def add_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer what a LLaVA needs: the place of an image, padding, a template that takes images."""
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]}, False)
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
    if not tokenizer.chat_template:
        raise ModelError("model.no_chat_template")
    tokenizer.chat_template = with_images(tokenizer.chat_template)


def _llava_config(
    config: ModelConfig,
    tokenizer: PreTrainedTokenizerBase,
    *,
    vision: PretrainedVision | None,
    language: PretrainedLanguage | None,
) -> LlavaConfig:
    eyes = vision.config if vision else _vision_config(config.vision)
    words = (
        language.model.config
        if language
        else _language_config(
            config.language,
            vocabulary=len(tokenizer),
            pad_id=tokenizer.pad_token_id,
            end_id=tokenizer.eos_token_id,
        )
    )
    return LlavaConfig(
        vision_config=eyes,
        text_config=words,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=(eyes.image_size // eyes.patch_size) ** 2,
        vision_feature_layer=config.feature_layer,
        vision_feature_select_strategy=_select(config, _has_class_token(eyes)),
        tie_word_embeddings=bool(words.tie_word_embeddings),
    )


def _model(
    llava: LlavaConfig,
    *,
    vision: PretrainedVision | None,
    language: PretrainedLanguage | None,
    tokens: int,
) -> LlavaForConditionalGeneration:
    """The model with fresh weights, pre-trained parts put in place of the fresh ones."""
    model = LlavaForConditionalGeneration(llava)
    if vision is not None:
        model.model.vision_tower = vision.model
    if language is not None:
        language.put_into(model, tokens=tokens)
    return model


def _vision_config(config: VisionConfig) -> CLIPVisionConfig | SiglipVisionConfig:
    sizes = {
        "hidden_size": config.width,
        "intermediate_size": config.mlp,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "image_size": config.image_px,
        "patch_size": config.patch_px,
        "hidden_act": "gelu",  # CLIP's own quick_gelu is slower: four passes over memory instead of one
    }
    if config.kind == "clip":
        return CLIPVisionConfig(**sizes, projection_dim=config.width)
    return SiglipVisionConfig(**sizes, vision_use_head=False)


def _language_config(
    config: LanguageConfig, *, vocabulary: int, pad_id: int | None, end_id: int | None
) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=config.width,
        intermediate_size=config.mlp,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        vocab_size=vocabulary,
        max_position_embeddings=config.context,
        tie_word_embeddings=config.tie,
        pad_token_id=pad_id,
        bos_token_id=None,
        eos_token_id=end_id,
    )


def _own_pictures(config: VisionConfig) -> object:
    if config.kind == "clip":
        return image_processor(config.image_px)
    return image_processor(config.image_px, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def _has_class_token(config: CLIPVisionConfig | SiglipVisionConfig) -> bool:
    return bool(config.model_type == "clip_vision_model")


def _select(config: ModelConfig, class_token: bool) -> str:
    if config.select == "patches" and not class_token:
        raise ModelError("model.no_class_token")
    return "default" if class_token and config.select != "all" else "full"
