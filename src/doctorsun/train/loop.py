"""The loop: every stage is an `Objective` that this drives from step to step, checkpointed and resumed."""

import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import nn

from doctorsun.core.errors import TrainError
from doctorsun.core.progress import reporter
from doctorsun.model.tuning import Group
from doctorsun.train.checkpoint import Checkpoint, newest_checkpoint, save_checkpoint
from doctorsun.train.crash import crash_point
from doctorsun.train.draws import seed_of
from doctorsun.train.ledger import Ledger
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.recipe import StageConfig


@dataclass(frozen=True)
class Outcome:
    """What one step came to. `figures` go to the metrics; `bad` are ids of samples without a finite loss."""

    loss: float
    tokens: int
    samples: Sequence[str]
    bad: Sequence[str] = ()
    figures: Mapping[str, float] | None = None


class Objective(Protocol):
    """What a stage learns."""

    @property
    def groups(self) -> Sequence[Group]:
        """What learns."""
        ...

    @property
    def total(self) -> int:
        """The number of steps."""
        ...

    def steps(self) -> Iterator[Any]:
        """What each step reads, from the first on: a function of the seed alone."""
        ...

    def backward(self, step: Any, /) -> Outcome:  # noqa: ANN401 - what `steps` gives
        """Add the gradients of one step."""
        ...

    def validate(self) -> dict[str, float]:
        """Losses on the validation split; empty when there is none."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a stage stands on disk, and what its randomness hangs on."""

    folder: Path
    number: int
    label: str
    seed: int


class Loop:
    """One stage on its way from its newest checkpoint, or from its start, to its end."""

    def __init__(self, objective: Objective, stage: StageConfig, place: Place, *, ledger: Ledger) -> None:
        self._objective = objective
        self._stage = stage
        self._place = place
        self._ledger = ledger
        self._learning = {
            name: parameter
            for group in objective.groups
            for name, parameter in zip(group.names, group.parameters, strict=True)
        }
        self._optimizer = Optimizers(objective.groups, stage)
        self._started = time.monotonic()

    def run(self, *, start_size: int) -> None:
        """Train to the end; `start_size` is the bytes of the metrics when the stage began.

        TrainError "train.stopped" after one interrupt (the state is saved), and if a loss is not finite.
        """
        found = newest_checkpoint(self._place.folder)
        done = self._resume(found) if found else 0
        self._ledger.cut(found.state["metrics_bytes"] if found else start_size)
        total, stage = self._objective.total, self._stage
        with Interrupt() as interrupt:
            for step, content in enumerate(islice(self._objective.steps(), total), start=1):
                if step <= done:
                    continue
                crash_point("step")
                self._step(content, step)
                if step == total or (stage.validate_every and step % stage.validate_every == 0):
                    self._validate(step)
                if step % stage.save_every == 0 or interrupt.seen:
                    self._save(step)
                if interrupt.seen:
                    raise TrainError("train.stopped", stage=self._place.label, step=step, total=total)

    def _step(self, content: object, step: int) -> None:
        rate = rate_at(step, self._objective.total, self._stage)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate
        torch.manual_seed(seed_of(self._place.seed, self._place.number, "step", step))
        self._optimizer.zero_grad()
        outcome = self._objective.backward(content)
        norm = float(nn.utils.clip_grad_norm_(list(self._learning.values()), self._stage.clip))
        self._refuse_nonsense(outcome, norm, step)
        self._optimizer.step()
        if step % self._stage.log_every == 0 or step == self._objective.total:
            self._log(outcome, norm, step=step, lr=max(g["lr"] for g in self._optimizer.param_groups))

    def _refuse_nonsense(self, outcome: Outcome, norm: float, step: int) -> None:
        """Stop unless loss and gradient are finite and the loss is not nought; the samples are named."""
        if math.isfinite(outcome.loss) and math.isfinite(norm) and outcome.loss != 0:
            return
        suspects = list(dict.fromkeys(outcome.bad or outcome.samples))
        shown = ", ".join(suspects[:5]) + (", …" if suspects[5:] else "")
        raise TrainError(
            "train.bad_loss",
            stage=self._place.label,
            step=step,
            loss=outcome.loss,
            norm=norm,
            count=len(suspects),
            samples=shown,
        )

    def _log(self, outcome: Outcome, norm: float, *, step: int, lr: float) -> None:
        place = {"stage": self._place.number, "name": self._place.label, "step": step}
        seconds = time.monotonic() - self._started
        self._started = time.monotonic()
        figures = {"loss": outcome.loss, "lr": lr, "grad_norm": norm, **(outcome.figures or {})}
        self._ledger.add(
            {**place, **figures, "tokens": outcome.tokens, "samples": len(outcome.samples)},
            timing={**place, "seconds": seconds},
        )
        per_second = outcome.tokens * self._stage.log_every / seconds
        reporter().step(
            "train.step",
            step,
            self._objective.total,
            stage=self._place.label,
            loss=round(outcome.loss, 4),
            lr=float(f"{lr:.3g}"),
            tokens_per_s=round(per_second),
        )

    def _validate(self, step: int) -> None:
        losses = self._objective.validate()
        if losses:
            place = {"stage": self._place.number, "name": self._place.label, "step": step}
            self._ledger.add({**place, **losses})
            reporter().note(
                "train.validated",
                stage=self._place.label,
                step=step,
                loss=round(losses["validation_loss"], 4),
            )
        self._started = time.monotonic()

    def _save(self, step: int) -> None:
        state = {"stage": self._place.number, "metrics_bytes": self._ledger.size()}
        save_checkpoint(self._place.folder, self._learning, self._optimizer, step=step, state=state)
        self._started = time.monotonic()

    def _resume(self, found: Checkpoint) -> int:
        count = found.restore(self._learning, self._optimizer)
        step: int = found.state["step"]
        reporter().note("train.resumed", stage=self._place.label, step=step, count=count, total=count)
        return step


def rate_at(step: int, total: int, stage: StageConfig) -> float:
    """The share of the learning rate at a step (from 1): a linear rise, then a cosine down to the floor."""
    warm = round(stage.warmup * total)
    if step <= warm:
        return step / warm
    if stage.schedule == "constant":
        return 1.0
    wave = 0.5 * (1 + math.cos(math.pi * (step - warm - 1) / max(1, total - warm)))
    return stage.floor + (1 - stage.floor) * wave


class Interrupt:
    """While open, the first Ctrl-C is only remembered; the second one interrupts as ever."""

    def __init__(self) -> None:
        self.seen = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
        reporter().note("train.stopping")
