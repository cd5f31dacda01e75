"""What a model is made of and how its parts are tuned, as a recipe says it. Imports no torch."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from doctorsun.core.config import Config


class PartConfig(Config):
    """A part that starts either from a pre-trained folder (`from`) or from scratch with the sizes given."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: str | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        sizes = sorted(self.model_fields_set - {"source"})
        if self.source is not None and sizes:
            raise ValueError(f"with 'from' the sizes are those of the pre-trained part; leave out {sizes}")
        return self


class VisionConfig(PartConfig):
    """A CLIP or SigLIP kind of vision transformer; `*_px` are pixels of a side."""

    kind: Literal["clip", "siglip"] = "clip"
    width: PositiveInt = 192
    layers: PositiveInt = 6
    heads: PositiveInt = 6
    mlp: PositiveInt = 768
    image_px: PositiveInt = 128
    patch_px: PositiveInt = 16

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.image_px % self.patch_px:
            raise ValueError(f"image_px {self.image_px} is no multiple of patch_px {self.patch_px}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.width % 4:
            raise ValueError(f"width {self.width} is no multiple of 4, which sin-cos positions need")
        return self


class LanguageConfig(PartConfig):
    """A Llama kind of language model; `vocabulary` is the size the tokenizer is trained to."""

    width: PositiveInt = 256
    layers: PositiveInt = 4
    heads: PositiveInt = 8
    kv_heads: PositiveInt = 4
    mlp: PositiveInt = 688
    vocabulary: int = Field(default=6000, ge=512)
    context: PositiveInt = 1024
    tie: bool = True

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(f"width {self.width} over heads {self.heads} is no even whole number")
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is no multiple of kv_heads {self.kv_heads}")
        return self


class ModelConfig(Config):
    """A LLaVA: hidden state `feature_layer` of the encoder, through a two-layer MLP, into the language model.

    `feature_layer` counts as transformers' `hidden_states` do: 0 is the embedding, -1 the last layer.
    `select` says whether all tokens of that layer are read or the class token is left out (`patches`); null
    takes what fits the encoder.
    """

    vision: VisionConfig = VisionConfig()
    language: LanguageConfig = LanguageConfig()
    feature_layer: int = -2
    select: Literal["patches", "all"] | None = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        layers = self.vision.layers
        if self.vision.source is None and not -layers <= self.feature_layer <= layers:
            raise ValueError(f"feature_layer {self.feature_layer} is beyond the encoder's {layers} layers")
        if self.vision.source is None and self.vision.kind == "siglip" and self.select == "patches":
            raise ValueError("select 'patches' leaves out a class token, and a siglip encoder has none")
        return self


class PartTuning(Config):
    """What a stage does with one part; a bare word in a recipe is the `mode`.

    `targets` are names of linear layers, all of them by default. `layers: live` leaves alone what lies behind
    the hidden state that LLaVA reads and so gets no gradient; `all` adapts it too, as the original did.
    """

    mode: Literal["frozen", "full", "lora", "qlora"] = "frozen"
    lr: PositiveFloat | None = None
    weight_decay: NonNegativeFloat = 0.0
    rank: PositiveInt = 64
    alpha: PositiveInt = 16
    dropout: float = Field(default=0.05, ge=0.0, lt=1.0)
    targets: tuple[str, ...] = ()
    layers: Literal["live", "all"] = "live"

    @model_validator(mode="before")
    @classmethod
    def _bare_mode(cls, value: object) -> object:
        return {"mode": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _lr_where_learning(self) -> Self:
        if self.mode != "frozen" and self.lr is None:
            raise ValueError(f"a part that is tuned ({self.mode}) needs lr")
        return self


class TuneConfig(Config):
    """What a stage does with each part of a model."""

    vision: PartTuning = PartTuning()
    projector: PartTuning = PartTuning()
    language: PartTuning = PartTuning()
