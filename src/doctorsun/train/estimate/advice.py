"""What to change where a stage does not fit: one change upon the other, the least costly first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from transformers import LlavaConfig

from doctorsun.model.config import PartTuning
from doctorsun.train.estimate.layout import Layout, assumed
from doctorsun.train.estimate.machine import Machine
from doctorsun.train.estimate.memory import Spread, memory_of
from doctorsun.train.estimate.shapes import shape_of
from doctorsun.train.recipe import StageConfig

_LORA_LR = 1e-4
_MORE_DEVICES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Advice:
    """Some changes of a stage's keys, and the memory (bytes of a device) that the stage would then take."""

    changes: str
    memory: int
    fits: bool


def advice(
    config: LlavaConfig, stage: StageConfig, layout: Layout, spread: Spread, machine: Machine
) -> Iterator[Advice]:
    """Changes until one fits, each with the memory found by estimating anew; then how many devices do."""
    features = shape_of(config).vision.features
    now, rows, said = stage, layout, list[str]()
    for changed, words in _changed(now, features):
        said.append(words)
        if changed.row_tokens != now.row_tokens:
            rows = assumed(changed, image_tokens=features)
        now = changed
        total = memory_of(config, now, rows, spread).total + machine.overhead
        yield Advice(" ".join(said), total, total <= machine.room)
        if total <= machine.room:
            break
    for devices in _MORE_DEVICES:
        if devices > machine.devices and machine.gpu:
            more = replace(machine, devices=devices)
            spread = Spread(devices, devices)
            total = memory_of(config, stage, layout, spread).total + more.overhead
            if total <= machine.room:
                yield Advice(f"parallel.shard=full --gpus {devices}", total, True)
                return


def _changed(stage: StageConfig, features: int) -> Iterator[tuple[StageConfig, str]]:
    """The stage with one more change each time, and the change as the key and value to type."""
    parts = ["vision", "language"] if stage.vision.mode != "frozen" else ["language"]
    if not set(parts) <= set(stage.checkpointing):
        stage = stage.model_copy(update={"checkpointing": parts})
        yield stage, f"checkpointing=[{','.join(parts)}]"
    if stage.micro_rows > 1 and stage.rows > 1:
        stage = stage.model_copy(update={"micro_rows": 1})
        yield stage, "micro_rows=1"
    rounded = stage.optimizer == "adamw" and stage.precision == "bf16"
    if stage.weights != "bf16_stochastic" and rounded:
        stage = stage.model_copy(update={"weights": "bf16_stochastic"})
        yield stage, "weights=bf16_stochastic"
    for mode in ("lora", "qlora"):
        if rounded and stage.language.mode in {"full", "lora"} and stage.language.mode != mode:
            language = _adapted(stage.language, mode)
            stage = stage.model_copy(update={"language": language, "weights": "bf16"})
            yield stage, f"weights=bf16 language.mode={mode} language.lr={language.lr:g}"
    while stage.row_tokens // 2 > 1.2 * features and stage.kind != "medical-vision":
        stage = stage.model_copy(update={"row_tokens": stage.row_tokens // 2})
        yield stage, f"row_tokens={stage.row_tokens}"


def _adapted(part: PartTuning, mode: str) -> PartTuning:
    return part.model_copy(update={"mode": mode, "lr": max(part.lr or 0.0, _LORA_LR)})
