"""Encoder + projector + language model -> transformers' own LLaVA, from scratch or from pre-trained parts."""

from typing import Any

import torch
import transformers
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PretrainedConfig,
    PreTrainedTokenizerBase,
)

from doctorsun.core.errors import ModelError
from doctorsun.core.progress import reporter
from doctorsun.model.config import LanguageConfig, ModelConfig, VisionConfig
from doctorsun.model.parts import Parts, join_parts
from doctorsun.model.pictures import own_processor
from doctorsun.model.placing import put_into
from doctorsun.model.plain_template import give_template
from doctorsun.model.positions import start_positions
from doctorsun.model.pretrained import (
    PretrainedLanguage,
    PretrainedVision,
    Stored,
    load_language,
    load_vision,
)
from doctorsun.model.template import with_images
from doctorsun.model.tokenizer import IMAGE_TOKEN, PAD_TOKEN
from doctorsun.model.vision_family import family_for, family_named, patch_side

_STORED: dict[str, Stored] = {"fp32": torch.float32, "bf16": torch.bfloat16, "stored": "auto"}


def assemble(config: ModelConfig, tokenizer: PreTrainedTokenizerBase | None = None, *, seed: int) -> Parts:
    """A LLaVA of the parts a recipe names; the same weights for the same seed.

    `tokenizer` is that of a language model from scratch; a pre-trained one brings its own. No pre-trained
    weight is held twice.
    """
    dtype = _STORED[config.weights]
    language = load_language(config.language.source, dtype=dtype) if config.language.source else None
    dtype = language.model.dtype if language else dtype
    vision = load_vision(config.vision.source, dtype=dtype) if config.vision.source else None
    if dtype == "auto":
        dtype = vision.model.dtype if vision else torch.float32
    if language is not None:
        tokenizer = language.tokenizer
    if tokenizer is None:
        raise ModelError("model.no_tokenizer")
    add_tokens(tokenizer)
    llava = join_configs(
        config,
        vision.config if vision else scratch_vision(config.vision),
        language.model.config if language else _language_config(config.language, tokenizer),
        image_id=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(llava, vision, language, tokens=len(tokenizer), dtype=dtype)
    if vision is None:
        start_positions(model.model.vision_tower, family_named(config.vision.kind))
    processor = vision.image_processor if vision else _own_pictures(config.vision)
    parts = join_parts(model.eval(), _processor(llava, processor, tokenizer))
    model.generation_config = GenerationConfig(
        eos_token_id=parts.encoder.end_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        do_sample=False,
    )
    return parts


def llava_config(config: ModelConfig, *, vocabulary: int, image_id: int) -> LlavaConfig:
    """The configuration of a model from scratch, for counting and estimates (nothing is loaded)."""
    words = _language_config(config.language, None)
    words.vocab_size = vocabulary
    return join_configs(config, scratch_vision(config.vision), words, image_id=image_id)


def join_configs(
    config: ModelConfig, vision: PretrainedConfig, language: PretrainedConfig, *, image_id: int
) -> LlavaConfig:
    """The LLaVA's configuration for an encoder and a language model, and what a recipe says of the seam."""
    family = family_for(str(vision.model_type))
    layer = config.feature_layer
    return LlavaConfig(
        vision_config=vision,
        text_config=language,
        image_token_index=image_id,
        image_seq_length=patch_side(vision) ** 2,
        # transformers takes a 0 here for a "no", and then has no hidden states.
        vision_feature_layer=layer if layer else -1 - vision.num_hidden_layers,
        vision_feature_select_strategy=family.strategy(config.select, vision),
        tie_word_embeddings=bool(language.tie_word_embeddings),
    )


def add_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer what a LLaVA needs: the place of an image, padding, a template that takes images.

    One without a template gets a plain one, and it is reported.
    """
    if not tokenizer.chat_template:
        give_template(tokenizer)
        reporter().note("model.plain_template")
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]}, False)
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
    tokenizer.chat_template = with_images(tokenizer.chat_template)


def _model(
    llava: LlavaConfig,
    vision: PretrainedVision | None,
    language: PretrainedLanguage | None,
    *,
    tokens: int,
    dtype: torch.dtype,
) -> LlavaForConditionalGeneration:
    """The model of parts at hand; what is from scratch gets fresh weights, and the rest is not made first."""
    if vision is None and language is None:
        fresh: LlavaForConditionalGeneration = AutoModelForImageTextToText.from_config(llava, dtype=dtype)
        return fresh
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(llava)
    inner = model.model
    inner.vision_tower = vision.model if vision else AutoModel.from_config(llava.vision_config, dtype=dtype)
    _fill(model, inner.multi_modal_projector, dtype)
    if language is not None:
        put_into(model, language.model, tokens=tokens)
        return model
    inner.language_model = AutoModel.from_config(llava.text_config, dtype=dtype)
    _fill(model, model.lm_head, dtype)
    model.tie_weights()
    return model


def _fill(model: LlavaForConditionalGeneration, module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Give a module that has shapes alone fresh weights, as its model starts them."""
    module.to_empty(device="cpu").to(dtype)
    module.apply(model._init_weights)


def _processor(
    llava: LlavaConfig,
    pictures: Any,  # noqa: ANN401 - transformers has no types
    tokenizer: PreTrainedTokenizerBase,
) -> LlavaProcessor:
    eyes = llava.vision_config
    return LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=eyes.patch_size,
        vision_feature_select_strategy=llava.vision_feature_select_strategy,
        num_additional_image_tokens=family_for(eyes.model_type).extra_tokens(eyes),
        chat_template=tokenizer.chat_template,
        image_token=IMAGE_TOKEN,
    )


def scratch_vision(config: VisionConfig) -> PretrainedConfig:
    """The configuration of an encoder from scratch, by its family."""
    family = family_named(config.kind)
    sizes = {
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "image_size": config.image_px,
        "patch_size": config.patch_px,
    }
    made: PretrainedConfig = getattr(transformers, family.config)(
        **sizes, **family.mlp(config.width, config.mlp), **family.scratch
    )
    return made


def _language_config(config: LanguageConfig, tokenizer: PreTrainedTokenizerBase | None) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=config.width,
        intermediate_size=config.mlp,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        vocab_size=len(tokenizer) if tokenizer else config.vocabulary,
        max_position_embeddings=config.context,
        tie_word_embeddings=config.tie,
        pad_token_id=tokenizer.pad_token_id if tokenizer else None,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id if tokenizer else None,
    )


def _own_pictures(config: VisionConfig) -> object:
    return own_processor(config.image_px, {}, family_named(config.kind))
