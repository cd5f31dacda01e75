"""How an evaluation is made, and where its numbers come from. Cheap to import."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from doctorsun.core.config import Config

Condition = Literal["image", "blank", "noise", "shuffled", "none"]
CONDITIONS: tuple[Condition, ...] = ("image", "blank", "noise", "shuffled", "none")


class EvalSettings(Config):
    """What is asked and how it is counted.

    `limit` keeps that many questions of a data set, the same share of every source, language and kind of
    question. `train` is a data set whose train split teaches the baselines where the measured one has none.
    `batch` questions are handed to the model at a time and saved together.
    """

    split: str = "test"
    conditions: tuple[Condition, ...] = Field(default=("image", "blank", "shuffled", "none"), min_length=1)
    limit: int | None = Field(default=None, ge=1)
    seed: int = 0
    batch: int = Field(default=512, ge=1)
    answer_tokens: int = Field(default=48, ge=1)
    report_tokens: int = Field(default=192, ge=1)
    resamples: int = Field(default=1000, ge=100)
    baselines: bool = True
    train: Path | None = None
    pictures: int = Field(default=200, ge=0)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an evaluation comes from, for the report and for telling two models apart.

    `model` is a hash of the weights (else the name); `versions` of packages; `metrics` the `metrics.jsonl` of
    the run that made the model; `recipe` its resolved YAML text.
    """

    model: str
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    recipe: str = ""
    metrics: Path | None = None
