"""How a stage begins: its model at hand, tuned, and shared among the ranks as the recipe says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers
from torch import Tensor

from doctorsun.core.errors import TrainError
from doctorsun.model.anatomy import anatomy
from doctorsun.model.loading import quiet
from doctorsun.model.parts import Parts, join_parts, join_whole
from doctorsun.model.store import load_model, load_processor
from doctorsun.model.tuning import Tuned, apply_tuning
from doctorsun.train.parallel.config import ParallelConfig
from doctorsun.train.parallel.sharding import fill, mesh_of, rebound, shard
from doctorsun.train.parallel.team import Team
from doctorsun.train.parallel.world import world
from doctorsun.train.recipe import StageConfig
from doctorsun.train.rounded import lower_weights


@dataclass(frozen=True)
class Begun:
    """A model as a stage trains it, and the ranks that do."""

    parts: Parts
    tuned: Tuned
    team: Team


def begin(before: Path, stage: StageConfig, parallel: ParallelConfig, *, seed: int) -> Begun:
    """The model of the folder `before`, tuned; TrainError if its weights cannot be spread as asked.

    An encoder whose features are kept is not spread: each rank reads its own pictures with it. Nor is that of
    `medical-vision`, which is small.
    """
    everyone = world()
    if everyone.size == 1 or parallel.shard == "none" or stage.kind == "medical-vision":
        parts = load_model(before)
        return Begun(parts, apply_tuning(parts.model, stage.tune, seed=seed), Team(everyone))
    if "qlora" in {stage.vision.mode, stage.projector.mode, stage.language.mode}:
        raise TrainError("train.no_shared_qlora", stage=stage.name or stage.kind)
    source = tuned_model(before, stage, seed=seed).model if everyone.is_main else None
    parts = outline(before)
    tuned = apply_tuning(parts.model, stage.tune, seed=seed)
    _lower(parts, stage)
    found = anatomy(parts.model)
    within = any(path.startswith(f"{found.vision}.") for path in found.projectors)
    whole = [found.vision] if stage.vision.mode == "frozen" and not within else []
    root = shard(parts.model, mesh_of(everyone, parallel), whole=whole)
    fill(root, source, everyone)
    return Begun(parts, replace(tuned, groups=rebound(tuned.groups, parts.model)), Team(everyone, root))


def tuned_model(before: Path, stage: StageConfig, *, seed: int) -> Parts:
    """The whole model of a folder as a stage holds it: with the layers it adds, in its type."""
    parts = load_model(before)
    apply_tuning(parts.model, stage.tune, seed=seed)
    _lower(parts, stage)
    return parts


def put_into(parts: Parts, learnt: Mapping[str, Tensor]) -> None:
    """Put whole tensors into a whole model, by name."""
    own = dict(parts.model.named_parameters())
    with torch.no_grad():
        for name, tensor in learnt.items():
            own[name].copy_(tensor)


def _lower(parts: Parts, stage: StageConfig) -> None:
    if stage.weights != "fp32":
        lower_weights(parts.model)


def outline(folder: Path) -> Parts:
    """The model of a folder without its weights: every tensor is on the meta device and takes no memory."""
    processor = load_processor(folder)
    with quiet(), torch.device("meta"):
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        kind = getattr(transformers, config.architectures[0])
        model = kind._from_config(config, dtype=torch.float32)
    if config.model_type != "llava":
        return join_whole(model.eval(), processor, folder)
    return join_parts(model.eval(), processor)
