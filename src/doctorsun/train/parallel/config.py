"""How the processes of a run share the model. No torch here: cheap to read."""

from typing import Literal

from pydantic import Field

from doctorsun.core.config import Config


class ParallelConfig(Config):
    """How `torchrun`'s processes share a model; one process alone reads none of it.

    `shard` "none" keeps a copy on each; "full" spreads weights, gradients and the optimizer's state over all;
    "hybrid" over `copy_ranks` of them (null: those of one machine), so that every so many hold a copy.
    Nothing here decides which samples a step holds: it may be another at every start of a run.
    """

    shard: Literal["none", "full", "hybrid"] = "none"
    copy_ranks: int | None = Field(default=None, ge=1)
