"""A recipe: a data set, a model, and the list of stages that train it. No torch here: cheap to read."""

from typing import Literal, Self

from pydantic import Field, model_validator

from doctorsun.core.config import Config
from doctorsun.data.config import DataConfig
from doctorsun.data.mix import MixConfig
from doctorsun.model.config import ModelConfig, PartTuning, TuneConfig
from doctorsun.train.parallel.config import ParallelConfig

StageKind = Literal["medical-llm", "medical-vision", "align", "instruct", "preference"]

Metric = Literal["validation_loss", "closed_accuracy"]


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


class EarlyStopConfig(Config):
    """When a stage ends early: after `patience` validations without a gain of `min_delta` in `metric`."""

    metric: Metric = "validation_loss"
    patience: int = Field(default=3, ge=1)
    min_delta: float = Field(default=0.0, ge=0)


class StageConfig(Config):
    """One stage. It starts from what the stage before it left, the first one from the assembled model.

    A step is `rows` rows of at most `row_tokens` tokens, or `pictures` pictures for `medical-vision`;
    `micro_rows` of them are on the device at a time. `share` questions of a picture may share its tokens.
    `per` says what the loss is a mean of: tokens, or answers, so that long ones do not drown short ones.
    `dropout` is the share of words hidden from the model. `validate_every` 0 validates at the end only.
    `optimizer` "muon" trains the matrices of layers and projector by Muon, all else by AdamW. `floor` is the
    share of the learning rate left at the end. `fit_start` (medical-vision) begins the patch
    embedding at the pictures' principal components.
    `weights` are held in float32; or in bf16, and the optimizer keeps float32 copies ("bf16") or rounds at
    random, so that small steps count on the mean ("bf16_stochastic": moments in bf16 too, 8 bytes a weight in
    all). `checkpointing` names the parts whose layers are computed again for the gradient: less memory, more
    time. `compile` has PyTorch compile the layers. `workers` read pictures ahead.
    `loss`, `beta` (how dearly it costs to leave the starting model) and `label_smoothing` (the share of pairs
    that may be the wrong way round) are for `preference`, which reads the samples with a rejected answer.
    `keep_best` names the validation score by which the best step is kept beside the last, and `leave` says
    which of them goes on. Every `show_every` steps `show_samples` questions are answered, to be looked at.
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
    loss: Literal["sigmoid", "ipo", "robust"] = "sigmoid"
    beta: float = Field(default=0.1, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    weights: Literal["fp32", "bf16", "bf16_stochastic"] = "fp32"
    checkpointing: list[Literal["vision", "language"]] = []
    compile: bool = False
    workers: int = Field(default=0, ge=0)
    save_every: int = Field(default=200, ge=1)
    log_every: int = Field(default=1, ge=1)
    validate_every: int = Field(default=0, ge=0)
    validate_samples: int = Field(default=256, ge=0)
    keep_best: Metric | None = None
    early_stop: EarlyStopConfig | None = None
    leave: Literal["last", "best"] = "last"
    show_every: int = Field(default=0, ge=0)
    show_samples: int = Field(default=4, ge=1, le=64)

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
        if self.weights != "fp32" and (self.precision == "fp32" or self.optimizer == "muon"):
            raise ValueError("weights in bf16 need precision bf16 (or auto) and the optimizer adamw")
        if self.kind == "preference":
            self._compares_answers()
        self._can_be_judged()
        return self

    def _can_be_judged(self) -> None:
        """Refuse a judgement without scores, and questions to a stage that learns no answers."""
        if self.leave == "best" and self.keep_best is None:
            raise ValueError("leave: best needs keep_best, the name of a validation score")
        if (self.keep_best or self.early_stop) and not self.validate_every:
            raise ValueError("keep_best and early_stop need validate_every")
        if self.kind == "medical-vision" and (self.keep_best or self.early_stop or self.show_every):
            raise ValueError("medical-vision answers nothing; leave out keep_best, early_stop, show_every")

    def _compares_answers(self) -> None:
        """Refuse what would change a prompt between the starting model and the one that trains."""
        if self.augment.on or self.dropout or self.supervise == "all":
            raise ValueError(
                "preference compares answers to one prompt; leave out augment, dropout, supervise"
            )
        if self.label_smoothing and self.loss == "ipo":
            raise ValueError("label_smoothing is for the losses sigmoid and robust")

    @property
    def trained(self) -> list[str]:
        """The parts that are not frozen."""
        parts = {"vision": self.vision, "projector": self.projector, "language": self.language}
        return [name for name, part in parts.items() if part.mode != "frozen"]

    @property
    def tune(self) -> TuneConfig:
        """How each part is trained."""
        return TuneConfig(vision=self.vision, projector=self.projector, language=self.language)


class FeaturesConfig(Config):
    """Where features of a frozen encoder are kept for later epochs and runs, and how much disk they get.

    `folder` null is `.features` beside the run's folder; `limit_gb` 0 keeps nothing.
    """

    folder: str | None = None
    limit_gb: float = Field(default=20.0, ge=0)


class Recipe(Config):
    """Everything that decides the bits of a run, and who is told of it.

    `report_to` names trackers; they get figures, and answers of the model with `report_samples` alone.
    """

    name: str
    seed: int = 0
    threads: int = Field(default=2, ge=1)
    data: DataConfig
    model: ModelConfig = ModelConfig()
    stages: list[StageConfig] = []
    features: FeaturesConfig = FeaturesConfig()
    report_to: list[str] = []
    report_samples: bool = False
    parallel: ParallelConfig = ParallelConfig()

    def label(self, number: int) -> str:
        """The name of stage `number` (from 1): its own, else its kind."""
        stage = self.stages[number - 1]
        return stage.name or stage.kind
