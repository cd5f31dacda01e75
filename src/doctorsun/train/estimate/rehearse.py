"""Some real steps of every stage, the longest batch first, measured beside what was estimated of them.

The longest of the first steps is taken twice: first, so that what does not fit fails at once, and again when
the optimizer has its state, which is when memory is measured. Between them a middling one is timed.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import nn
from transformers import LlavaConfig

from doctorsun.model.store import save_model
from doctorsun.model.tuning import merge_tuning
from doctorsun.train.bench import Bench
from doctorsun.train.device import repeatable
from doctorsun.train.draws import seed_of
from doctorsun.train.estimate.layout import Layout
from doctorsun.train.estimate.machine import GIB, Machine
from doctorsun.train.estimate.meter import peak_above, resident
from doctorsun.train.estimate.plan import StagePlan, plan_stage
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.parallel.config import ParallelConfig
from doctorsun.train.parallel.start import begin
from doctorsun.train.parallel.world import world
from doctorsun.train.recipe import Recipe, StageConfig
from doctorsun.train.run import dataset_of, settle, start_run
from doctorsun.train.stage import make_objective
from doctorsun.train.watch.hands import Hands
from doctorsun.train.watch.watching import Watch

LOOKED_AT = 2000


@dataclass(frozen=True)
class Rehearsed:
    """A stage as planned with its longest batch, and as measured: bytes of tensors, seconds of a step.

    `plan` is null for a model of a kind that is no LLaVA: of it there is no estimate. `process` are the
    bytes beside the tensors.
    """

    label: str
    kind: str
    plan: StagePlan | None
    measured: int
    process: int
    step_s: float
    steps: int

    @property
    def fits(self) -> bool:
        """Whether it fits here: as estimated, else as measured."""
        if self.plan is not None:
            return self.plan.fits
        return self.measured + self.process <= machine_here().room


def machine_here() -> Machine:
    """The machine at hand; of its speed nothing is assumed, for steps are timed."""
    device = PartialState().device
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        return Machine(found.name, 1, found.total_memory / GIB, 1.0, 1.0, 0.0)
    return Machine(device.type, 1, _main_memory() / GIB, 1.0, 1.0, 0.0, gpu=False)


def rehearse(recipe: Recipe, folder: Path) -> Iterator[Rehearsed]:
    """Each stage of a recipe in turn, in a folder that the caller removes; one process, one device.

    Nobody watches: no tracker is told, no score is judged, no question is answered.
    """
    recipe = settle(recipe.model_copy(update={"report_to": []}), folder)
    dataset = dataset_of(recipe)
    bench = Bench(recipe, dataset, folder, Watch(recipe, dataset, folder, hands=Hands(), world=world()))
    with repeatable(recipe.threads):
        start_run(bench)
        for number in range(1, len(recipe.stages) + 1):
            yield _rehearse(bench, number)


def _rehearse(bench: Bench, number: int) -> Rehearsed:
    recipe, stage = bench.recipe, bench.recipe.stages[number - 1]
    process = resident()
    seed = seed_of(recipe.seed, number)
    begun = begin(bench.final(number - 1), stage, ParallelConfig(), seed=seed)
    objective = make_objective(bench, stage, begun.parts, begun.tuned, seed=seed, team=begun.team)
    steps: list[Any] = list(islice(objective.steps(), min(objective.total, LOOKED_AT)))
    by_length = sorted(steps, key=lambda step: _length(step, stage))
    longest, middling = by_length[-1], by_length[len(by_length) // 2]
    optimizers = Optimizers(objective.groups, stage)
    _take(objective, optimizers, longest, stage)
    began = time.perf_counter()
    _take(objective, optimizers, middling, stage)
    seconds = time.perf_counter() - began
    optimizers.zero_grad()
    kept = _kept(begun.parts.model, optimizers)
    with peak_above(device=PartialState().device) as peak:
        _take(objective, optimizers, longest, stage)
    plan = _plan(recipe, number, longest, begun.parts.model.config, steps=objective.total)
    merge_tuning(begun.parts.model)
    save_model(begun.parts, bench.final(number), about={"metrics_bytes": 0})
    machine = machine_here()
    beside = machine.overhead if machine.gpu else process
    return Rehearsed(
        label=f"{number} {recipe.label(number)}",
        kind=type(begun.parts.model).__name__,
        plan=plan and plan.beside(beside, room=machine.room),
        measured=peak.bytes + kept,
        process=beside,
        step_s=seconds,
        steps=objective.total,
    )


def _plan(
    recipe: Recipe, number: int, longest: Sequence[Any], config: object, *, steps: int
) -> StagePlan | None:
    """The plan of a stage with its longest batch; null where the model is no LLaVA."""
    if not isinstance(config, LlavaConfig):
        return None
    stage = recipe.stages[number - 1]
    rows = () if stage.kind == "medical-vision" else longest
    layout = Layout(rows, _pictures(longest, stage), steps)
    return plan_stage(recipe, number, machine_here(), layout=layout, config=config)


def _take(objective: Any, optimizers: Optimizers, step: object, stage: StageConfig) -> None:  # noqa: ANN401 - of any kind
    """One step as the loop takes it."""
    optimizers.zero_grad()
    objective.backward(step)
    learning = [one for group in objective.groups for one in group.parameters]
    nn.utils.clip_grad_norm_(learning, stage.clip)
    optimizers.step()


def _kept(model: nn.Module, optimizers: Optimizers) -> int:
    """Bytes of weights, buffers and the optimizer's state: what stands before a step begins."""
    tensors = [*model.parameters(), *model.buffers()]
    tensors += [one for state in optimizers.state.values() for one in state.values()]
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
    return sum(storages.values())


def _length(step: Sequence[Any], stage: StageConfig) -> int:
    """The tokens of a step's longest pass, or its pictures."""
    if stage.kind == "medical-vision":
        return len(step)
    passes = range(0, len(step), stage.micro_rows)
    longest: int = max(sum(row.tokens for row in step[first : first + stage.micro_rows]) for first in passes)
    return longest


def _pictures(step: Sequence[Any], stage: StageConfig) -> int:
    return len(step) if stage.kind == "medical-vision" else 0


def _main_memory() -> int:
    size: int = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return size
