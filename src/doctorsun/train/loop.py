"""The loop: every stage is an `Objective` that this drives from step to step, checkpointed and resumed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch

from doctorsun.core.errors import Stopped, TrainError
from doctorsun.core.progress import reporter
from doctorsun.model.tuning import Group
from doctorsun.train.checkpoint import Checkpoint, newest_checkpoint, save_checkpoint
from doctorsun.train.crash import crash_point
from doctorsun.train.draws import seed_of
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.parallel.team import clip_norm
from doctorsun.train.recipe import StageConfig
from doctorsun.train.watch.judge import Judge
from doctorsun.train.watch.pace import Pace
from doctorsun.train.watch.watching import StageWatch


@dataclass(frozen=True)
class Outcome:
    """What one step came to. `figures` go to the metrics; `bad` are ids of samples without a finite loss.

    `pictures` and `learnt` tokens, of all processes, tell what the step has computed.
    """

    loss: float
    tokens: int
    samples: Sequence[str]
    bad: Sequence[str] = ()
    figures: Mapping[str, float] | None = None
    pictures: int = 0
    learnt: int = 0


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


@dataclass(frozen=True, slots=True)
class Ended:
    """The step at which a stage ended, and its best one where it is kept."""

    last: int
    best: int | None


class Loop:
    """One stage on its way from its newest checkpoint, or from its start, to its end."""

    def __init__(self, objective: Objective, stage: StageConfig, place: Place, *, watch: StageWatch) -> None:
        self._objective = objective
        self._stage = stage
        self._place = place
        self._watch = watch
        self._learning = {
            name: parameter
            for group in objective.groups
            for name, parameter in zip(group.names, group.parameters, strict=True)
        }
        self._optimizer = Optimizers(objective.groups, stage)
        self._judge = Judge(stage)
        self._pace = Pace(objective.total)

    def run(self, *, start_size: int) -> Ended:
        """Train to the end; `start_size` is the bytes of the metrics when the stage began.

        Stopped after an interrupt (the state is saved); TrainError if a loss is not finite.
        """
        found = newest_checkpoint(self._place.folder)
        done = self._resume(found) if found else 0
        self._watch.ledger.cut(found.state["metrics_bytes"] if found else start_size)
        total = self._objective.total
        self._watch.begin(done, total)
        self._pace = Pace(total - done, peak=self._watch.peak())
        with self._watch.interrupt.held():
            if found and found.state.get("owed"):
                self._end_step(done, fresh=False)
            for step, content in enumerate(islice(self._objective.steps(), total), start=1):
                if step <= done:
                    continue
                if self._judge.over:
                    break
                crash_point("step")
                self._step(content, step)
                self._end_step(step)
                done = step
        return Ended(done, self._judge.best_step)

    def _end_step(self, step: int, *, fresh: bool = True) -> None:
        """Look at the model and save, as the recipe says; Stopped if that is asked for.

        A look that a signal breaks off is owed: who goes on from this step looks first.
        """
        seen = self._look(step)
        stop = self._watch.stopping()
        improved = self._judge.best_step == step
        last = self._stage.keep_best and (self._judge.over or step == self._objective.total)
        if (fresh and step % self._stage.save_every == 0) or stop or improved or last:
            self._save(step, owed=not seen)
        if stop:
            raise Stopped(
                "train.stopped",
                stage=self._place.label,
                step=step,
                total=self._objective.total,
                code=self._watch.interrupt.exit_code,
            )
        if self._judge.over and step < self._objective.total:
            reporter().note("train.stopped_early", stage=self._place.label, step=step)

    def _step(self, content: object, step: int) -> None:
        rate = rate_at(step, self._objective.total, self._stage)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate
        torch.manual_seed(seed_of(self._place.seed, self._place.number, "step", step))
        self._optimizer.zero_grad()
        outcome = self._objective.backward(content)
        norm = clip_norm(list(self._learning.values()), self._stage.clip)
        self._refuse_nonsense(outcome, norm, step)
        self._optimizer.step()
        flops = self._watch.flops(outcome.tokens, pictures=outcome.pictures, learnt=outcome.learnt)
        self._pace.step(tokens=outcome.tokens, samples=len(outcome.samples), flops=flops)
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
        lap = self._pace.lap()
        figures = {"loss": outcome.loss, "lr": lr, "grad_norm": norm, **(outcome.figures or {})}
        self._watch.ledger.add(
            {**place, **figures, "tokens": outcome.tokens, "samples": len(outcome.samples)},
            timing={**place, **lap.speeds},
        )
        shown = {"loss": round(outcome.loss, 4), "lr": float(f"{lr:.3g}"), **lap.shown}
        self._watch.tell(step=step, best=self._judge.best, **shown)
        reporter().step("train.step", step, self._objective.total, stage=self._place.label, **shown)

    def _look(self, step: int) -> bool:
        """Validate and have samples answered, where it is their turn; false if a signal broke it off."""
        every = self._stage.validate_every
        due = step == self._objective.total or bool(every and step % every == 0)
        with self._pace.aside():
            look = self._watch.look(step, validate=self._objective.validate if due else None)
            if look is None:
                return False
            self._watch.write(look, step)
        if look.scores:
            self._judge.hear(step, look.scores)
            told = "  ".join(f"{name} {value:.4f}" for name, value in look.scores.items())
            reporter().note("train.validated", stage=self._place.label, step=step, scores=told)
        return True

    def _save(self, step: int, *, owed: bool) -> None:
        state = {
            "stage": self._place.number,
            "metrics_bytes": self._watch.ledger.size(),
            "judge": self._judge.state,
            "owed": owed,
        }
        with self._pace.aside():
            save_checkpoint(
                self._place.folder,
                self._learning,
                self._optimizer,
                step=step,
                state=state,
                spare=self._judge.best_step,
            )

    def _resume(self, found: Checkpoint) -> int:
        count = found.restore(self._learning, self._optimizer)
        step: int = found.state["step"]
        self._judge = Judge(self._stage, found.state.get("judge"))
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
