"""A recipe: a data set, a model, and the list of stages that train it. No torch here: cheap to read."""

from typing import Literal, Self

from pydantic import Field, model_validator

from doctorsun.core.config import Config
from doctorsun.data.config import DataConfig
from doctorsun.data.mix import MixConfig
from doctorsun.model.config import ModelConfig, PartTuning, TuneConfig

StageKind = Literal["medical-llm", "medical-vision", "align", "instruct"]


class ChangeConfig(Config):
    """How a picture may be changed in training; each value is the greatest change, zero is none.

    `crop` is the share of the side that may be cut away, `stretch` that by which the sides may differ more,
    `rotate` is in degrees; `brightness`, `contrast` and `colour` are shares. `flip` mirrors left and right,
    `turns` turns by quarters: never where a side or a direction is asked.
    """

    flip: bool = False
    turns: bool = False
    crop: float = Field(default=0.0, ge=0, lt=1)
    stretch: float = Field(default=0.0, ge=0, lt=1)
    rotate: float = Field(default=0.0, ge=0, le=180)
    brightness: float = Field(default=0.0, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    colour: float = Field(default=0.0, ge=0, lt=1)

    @property
    def changes(self) -> bool:
        """Whether a picture is changed at all."""
        return any(self.model_dump(include=set(ChangeConfig.model_fields)).values())


class AugmentConfig(ChangeConfig):
    """The change of every picture, unless `sources` names another one for the source it comes from.

    `views` is how many variants of a picture are kept when the encoder is frozen and its features are cached.
    """

    sources: dict[str, ChangeConfig] = {}
    views: int = Field(default=1, ge=1)

    @property
    def on(self) -> bool:
        """Whether any picture is changed."""
        return self.changes or any(change.changes for change in self.sources.values())

    def of(self, source: str) -> ChangeConfig:
        """The change of the pictures of one source."""
        return self.sources.get(source, self)


class ObjectivesConfig(Config):
    """The weights of the objectives of `medical-vision`; zero leaves one out.

    `smoothing` is the share of a fact's class that is spread over all classes.
    """

    contrastive: float = Field(default=0.0, ge=0)
    facts: float = Field(default=1.0, ge=0)
    distil: float = Field(default=0.0, ge=0)
    smoothing: float = Field(default=0.0, ge=0, lt=1)


class StageConfig(Config):
    """One stage. It starts from what the stage before it left, the first one from the assembled model.

    A step is `rows` rows of at most `row_tokens` tokens, or `pictures` pictures for `medical-vision`;
    `micro_rows` of them are on the device at a time. `share` questions of a picture may share its tokens.
    `per` says what the loss is a mean of: tokens, or answers, so that long ones do not drown short ones.
    `dropout` is the share of words hidden from the model. `validate_every` 0 validates at the end only.
    `optimizer` "muon" trains the matrices of layers and projector by Muon, all else by AdamW. `floor` is the
    share of the learning rate left at the end. `fit_start` (medical-vision) begins the patch
    embedding at the pictures' principal components.
    """

    kind: StageKind
    name: str | None = None
    vision: PartTuning = PartTuning()
    projector: PartTuning = PartTuning()
    language: PartTuning = PartTuning()
    mixture: MixConfig = MixConfig()
    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    row_tokens: int = Field(default=512, ge=8)
    rows: int = Field(default=16, ge=1)
    micro_rows: int = Field(default=16, ge=1)
    pictures: int = Field(default=64, ge=2)
    share: int = Field(default=8, ge=1)
    per: Literal["token", "answer"] = "token"
    supervise: Literal["answers", "all"] = "answers"
    warmup: float = Field(default=0.03, ge=0, le=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    floor: float = Field(default=0.0, ge=0, le=1)
    optimizer: Literal["adamw", "muon"] = "adamw"
    fit_start: bool = False
    clip: float = Field(default=1.0, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    augment: AugmentConfig = AugmentConfig()
    objectives: ObjectivesConfig = ObjectivesConfig()
    teacher: str | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    save_every: int = Field(default=200, ge=1)
    log_every: int = Field(default=1, ge=1)
    validate_every: int = Field(default=0, ge=0)
    validate_samples: int = Field(default=256, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        if not self.trained:
            raise ValueError("every part is frozen; set the mode of vision, projector or language")
        if self.kind == "medical-vision" and self.trained != ["vision"]:
            raise ValueError("medical-vision trains vision alone; train vision and leave the rest frozen")
        if self.kind == "medical-llm" and self.trained != ["language"]:
            raise ValueError("medical-llm trains language alone; train language and leave the rest frozen")
        if self.fit_start and self.kind != "medical-vision":
            raise ValueError("fit_start is for medical-vision, which may start an encoder from scratch")
        if self.objectives.distil and self.teacher is None:
            raise ValueError("objectives.distil needs a teacher")
        return self

    @property
    def trained(self) -> list[str]:
        """The parts that are not frozen."""
        parts = {"vision": self.vision, "projector": self.projector, "language": self.language}
        return [name for name, part in parts.items() if part.mode != "frozen"]

    @property
    def tune(self) -> TuneConfig:
        """How each part is trained."""
        return TuneConfig(vision=self.vision, projector=self.projector, language=self.language)


class Recipe(Config):
    """Everything that decides the bits of a run."""

    name: str
    seed: int = 0
    threads: int = Field(default=2, ge=1)
    data: DataConfig
    model: ModelConfig = ModelConfig()
    stages: list[StageConfig] = []

    def label(self, number: int) -> str:
        """The name of stage `number` (from 1): its own, else its kind."""
        stage = self.stages[number - 1]
        return stage.name or stage.kind
