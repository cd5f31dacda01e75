"""A recipe on a machine: memory, time, cost and disk of a stage, and what to change where it does not fit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import LlavaConfig

from doctorsun.train.checkpoint import KEPT
from doctorsun.train.estimate.advice import Advice, advice
from doctorsun.train.estimate.flops import parts_flops
from doctorsun.train.estimate.layout import Layout, assumed
from doctorsun.train.estimate.machine import Machine
from doctorsun.train.estimate.memory import Memory, Spread, memory_of
from doctorsun.train.estimate.shapes import shape_of
from doctorsun.train.estimate.skeleton import config_of
from doctorsun.train.recipe import Recipe, StageConfig


@dataclass(frozen=True)
class StagePlan:
    """What one stage takes. `steps` is null where neither recipe nor data tell; then so are the hours."""

    label: str
    memory: Memory
    overhead: int
    fits: bool
    tokens: int
    pictures: int
    flops: float
    step_s: float
    steps: int | None
    disk: int
    advice: Sequence[Advice]

    @property
    def peak(self) -> int:
        """Bytes of one device at the highest point."""
        return self.memory.total + self.overhead

    def beside(self, process: int, *, room: int) -> "StagePlan":
        """The same plan where the process takes so many bytes beside its tensors."""
        return replace(self, overhead=process, fits=self.memory.total + process <= room)

    @property
    def hours(self) -> float | None:
        """How long the stage trains."""
        return None if self.steps is None else self.steps * self.step_s / 3600


def plan_stage(
    recipe: Recipe,
    number: int,
    machine: Machine,
    *,
    layout: Layout | None = None,
    samples: int | None = None,
    config: LlavaConfig | None = None,
) -> StagePlan:
    """The plan of stage `number` (from 1); without a `layout` steps are taken as the recipe fills them.

    `samples` of an epoch tell the number of steps; null takes those of the data set if it is on this disk.
    `config` is that of the model if it is at hand.
    """
    stage = settled_for(recipe.stages[number - 1], machine)
    config = config or config_of(recipe.model)
    if layout is None:
        features = shape_of(config).vision.features
        layout = assumed(stage, image_tokens=features, samples=samples or samples_of(recipe))
    spread = spread_of(recipe, machine)
    memory = memory_of(config, stage, layout, spread)
    flops = _flops(config, stage, layout)
    fits = memory.total + machine.overhead <= machine.room
    return StagePlan(
        label=f"{number} {recipe.label(number)}",
        memory=memory,
        overhead=machine.overhead,
        fits=fits,
        tokens=layout.load.tokens,
        pictures=layout.load.pictures,
        flops=flops,
        step_s=flops / (machine.tflops * 1e12 * machine.mfu * machine.devices),
        steps=layout.steps,
        disk=_disk(memory, layout, config, recipe, stage),
        advice=() if fits else list(advice(config, stage, layout, spread, machine)),
    )


def spread_of(recipe: Recipe, machine: Machine) -> Spread:
    """How the devices of a machine share the model, as the recipe's `parallel` says."""
    parallel = recipe.parallel
    shards = {
        "none": 1,
        "full": machine.devices,
        "hybrid": parallel.copy_ranks or machine.devices // machine.nodes,
    }
    return Spread(machine.devices, min(machine.devices, shards[parallel.shard]), gpu=machine.gpu)


def settled_for(stage: StageConfig, machine: Machine) -> StageConfig:
    """The stage with the precision that it has on the machine: bf16 on a GPU unless it says otherwise."""
    if stage.precision != "auto" or not machine.gpu:
        return stage
    return stage.model_copy(update={"precision": "bf16"})


def samples_of(recipe: Recipe) -> int | None:
    """How many training samples the data set on disk holds; null where there is none."""
    listing = recipe.data.place / "dataset.json"
    if not listing.is_file():
        return None
    splits = json.loads(listing.read_text(encoding="utf-8")).get("splits", {})
    count: int | None = splits.get("train", {}).get("samples")
    return count


def _flops(config: LlavaConfig, stage: StageConfig, layout: Layout) -> float:
    """The operations of a step, with those that checkpointing does again.

    A frozen encoder reads each picture once and its features are kept: in the first epoch that is each
    picture of each step, and plans are for that epoch.
    """
    load = layout.load
    once = replace(load, encoded=load.pictures)
    return sum(parts_flops(config, stage, once, recompute=True).values())


def _disk(memory: Memory, layout: Layout, config: LlavaConfig, recipe: Recipe, stage: StageConfig) -> int:
    """Bytes of a stage at its largest: checkpoints, one being written, the final, pictures, features.

    A model is saved in float32. Where the best step is kept, its checkpoint stands beside the others and its
    model beside the final.
    """
    pictures = (layout.steps or 0) * layout.load.pictures
    shape = shape_of(config).vision
    best = stage.keep_best is not None
    model = memory.stored if stage.weights == "fp32" else 2 * memory.stored
    found = (KEPT + 1 + best) * memory.state + (1 + best) * model
    found += pictures * 3 * int(config.vision_config.image_size) ** 2
    if stage.vision.mode == "frozen":
        found += min(pictures * shape.features * shape.width * 2, round(recipe.features.limit_gb * 1e9))
    return found
