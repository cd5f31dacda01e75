"""What a model is made of and how its parts are tuned, as a recipe says it. Imports no torch."""

from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from doctorsun.core import plugins
from doctorsun.core.config import Config
from doctorsun.core.errors import ModelError
from doctorsun.model import encoders
from doctorsun.model.vision_family import family_named


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
    """A vision transformer of a family in `encoders/`; `*_px` are pixels of a side."""

    kind: str = "clip"
    width: PositiveInt = 192
    layers: PositiveInt = 6
    heads: PositiveInt = 6
    mlp: PositiveInt = 768
    image_px: PositiveInt = 128
    patch_px: PositiveInt = 16

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        known = plugins.names(encoders)
        if self.kind not in known:
            raise ValueError(
                f"there is no encoder '{self.kind}'; did you mean: {plugins.near(self.kind, known)}"
            )
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
    takes what fits the encoder. `weights` are float32, bfloat16, or as the language model's folder has them.
    With `from` a whole model is taken instead: the folder of a vision-language model or of a finished run.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    source: str | None = Field(default=None, alias="from")
    vision: VisionConfig = VisionConfig()
    language: LanguageConfig = LanguageConfig()
    feature_layer: int = -2
    select: Literal["patches", "all"] | None = None
    weights: Literal["fp32", "bf16", "stored"] = "fp32"

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        fields = type(self).model_fields
        said = [name for name in fields if getattr(self, name) != fields[name].default]
        others = sorted(set(said) - {"source", "weights"})
        if self.source is not None and others:
            raise ValueError(f"with 'from' the whole model is taken as it is; leave out {others}")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        layers = self.vision.layers
        if self.vision.source is not None:
            return self
        if not -layers <= self.feature_layer <= layers:
            raise ValueError(f"feature_layer {self.feature_layer} is beyond the encoder's {layers} layers")
        try:
            family_named(self.vision.kind).strategy(self.select)
        except ModelError as error:
            raise ValueError(str(error)) from None
        return self


LayerRange = tuple[NonNegativeInt, PositiveInt]


def _range(value: object) -> object:
    """`20-24` as `[20, 24]`."""
    first, dash, stop = value.partition("-") if isinstance(value, str) else ("", "", "")
    return (int(first), int(stop)) if dash and first.isdigit() and stop.isdigit() else value


class PartTuning(Config):
    """What a stage does with one part; a bare word in a recipe is the `mode`.

    `targets` are names of linear layers, all of them by default. `layers: live` leaves alone what lies behind
    the hidden state that is read and so gets no gradient; `all` adapts it too, as the original did.
    A range, `[20, 24]` or `20-24`, tunes those layers alone: from 0, the second figure is not among them.
    """

    mode: Literal["frozen", "full", "lora", "qlora"] = "frozen"
    lr: PositiveFloat | None = None
    weight_decay: NonNegativeFloat = 0.0
    rank: PositiveInt = 64
    alpha: PositiveInt = 16
    dropout: float = Field(default=0.05, ge=0.0, lt=1.0)
    targets: tuple[str, ...] = ()
    layers: Literal["live", "all"] | Annotated[LayerRange, BeforeValidator(_range)] = "live"

    @model_validator(mode="before")
    @classmethod
    def _bare_mode(cls, value: object) -> object:
        return {"mode": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _lr_where_learning(self) -> Self:
        if isinstance(self.layers, tuple) and self.layers[0] >= self.layers[1]:
            raise ValueError(
                f"layers {self.layers[0]}-{self.layers[1]} is empty; the second figure is the larger"
            )
        if self.mode != "frozen" and self.lr is None:
            raise ValueError(f"a part that is tuned ({self.mode}) needs lr")
        return self


class TuneConfig(Config):
    """What a stage does with each part of a model."""

    vision: PartTuning = PartTuning()
    projector: PartTuning = PartTuning()
    language: PartTuning = PartTuning()
