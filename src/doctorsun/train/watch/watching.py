"""All that watches a run, in one place: metrics, status, trackers, samples, and the wish to stop.

With several processes each of them computes the same, and only the main one writes.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.chat import Chat
from doctorsun.core.errors import Stopped, TrainError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Kind, Sample
from doctorsun.data.dataset import Dataset
from doctorsun.model.parts import Parts
from doctorsun.train.device import Compute
from doctorsun.train.estimate.flops import step_flops
from doctorsun.train.estimate.shapes import ModelShape, shape_of
from doctorsun.train.ledger import Ledger
from doctorsun.train.parallel.world import World
from doctorsun.train.recipe import Recipe, StageConfig
from doctorsun.train.watch.hands import Hands
from doctorsun.train.watch.judge import VALIDATION_LOSS
from doctorsun.train.watch.peak import peak_tflops
from doctorsun.train.watch.samples import Samples, answers, chosen
from doctorsun.train.watch.signals import Interrupt, Stop
from doctorsun.train.watch.status import Status
from doctorsun.train.watch.trackers import Trackers

COUNTED = "llava"
Around = Callable[[], AbstractContextManager[None]]
_CLOSED: tuple[Kind, ...] = ("closed", "choice")


class Watch:
    """What watches a whole run in the folder `out`."""

    def __init__(self, recipe: Recipe, dataset: Dataset, out: Path, *, hands: Hands, world: World) -> None:
        self.recipe = recipe
        self.hands = hands
        self.world = world
        self.ledger = Ledger(out, writes=world.is_main)
        self.samples = Samples(out)
        self.interrupt = Interrupt(alone=world.size == 1)
        self._dataset = dataset
        self._status = Status(out)
        self._trackers = Trackers(recipe, out, online=hands.online)

    @contextmanager
    def on(self) -> Iterator[None]:
        """While open the run is watched; a signal outside of a stage's steps ends it by `Stopped`."""
        self._refuse_unwatchable()
        with self._driven(), self._tracked(), self.interrupt:
            try:
                yield
            except Stop:
                raise Stopped("train.stopped_between", code=self.interrupt.exit_code) from None

    def stage(self, number: int, parts: Parts, around: Around = nullcontext) -> "StageWatch":
        """What watches one stage while `parts` learn; within `around` they can answer."""
        return StageWatch(self, number, parts, around)

    def between(self) -> None:
        """The place between two stages: a signal that came at the very end of one ends the run here."""
        with self.interrupt.giving_up():
            pass

    def tell(self, **figures: object) -> None:
        """How far the run is, for `sun runs`; the trackers get what is new in the metrics."""
        if self.world.is_main:
            self._status.tell(**figures)
            self._trackers.follow()

    def chosen(self, count: int, *, kinds: Collection[Kind] | None = None) -> list[Sample]:
        """Validation samples with their pictures, the same ones at every step."""
        return chosen(self._dataset, count, seed=self.recipe.seed, kinds=kinds)

    @contextmanager
    def _driven(self) -> Iterator[None]:
        """The status says what becomes of the run."""
        if not self.world.is_main:
            yield
            return
        with self._status.running():
            try:
                yield
            except BaseException as error:
                stopped = isinstance(error, Stopped | KeyboardInterrupt)
                self._status.end("stopped" if stopped else "failed")
                raise
            self._status.end("finished")

    @contextmanager
    def _tracked(self) -> Iterator[None]:
        with self._trackers if self.world.is_main else nullcontext():
            yield

    def _refuse_unwatchable(self) -> None:
        """Say before anything is trained what a stage asks for and this run cannot give."""
        empty = not len(self._dataset.rows("validation"))
        for number, stage in enumerate(self.recipe.stages, start=1):
            label = self.recipe.label(number)
            metrics = _metrics(stage)
            judged = bool(metrics) and not stage.validate_samples
            if (metrics or stage.show_every) and (empty or judged):
                raise TrainError("train.no_validation", stage=label)
            if stage.show_every and self.hands.chat is None:
                raise TrainError("train.no_hands", stage=label, found="show_every")
            if metrics - {VALIDATION_LOSS} and (self.hands.chat is None or self.hands.scorer is None):
                raise TrainError("train.no_hands", stage=label, found=", ".join(sorted(metrics)))


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the model under training has found: scores, and answers to the fixed samples."""

    scores: dict[str, float]
    answers: list[str]


class StageWatch:
    """What watches one stage; looking at the model changes neither its weights nor what it trains on."""

    def __init__(self, watch: Watch, number: int, parts: Parts, around: Around) -> None:
        self._watch = watch
        self._around = around
        self._stage = watch.recipe.stages[number - 1]
        self._place = {"stage": number, "name": watch.recipe.label(number)}
        self._number = number
        self._parts = parts
        self._shape: ModelShape | None = None
        self.ledger = watch.ledger
        self.interrupt = watch.interrupt

    def begin(self, step: int, total: int) -> None:
        """The stage goes on after a step of `total`."""
        self.tell(step=step, total=total, stages=len(self._watch.recipe.stages))
        if self._watch.world.is_main:
            self._watch.samples.cut(self._number, step)

    def peak(self) -> float | None:
        """FLOP/s of all devices at best; null for a model whose operations are not counted."""
        if self._parts.model.config.model_type != COUNTED:
            return None
        compute = Compute(self._stage)
        return peak_tflops(compute.device, compute.dtype) * 1e12 * self._watch.world.size

    def flops(self, tokens: int, *, pictures: int, learnt: int) -> float:
        """The operations of one step over all devices."""
        config = self._parts.model.config
        if config.model_type != COUNTED:
            return 0.0
        if self._shape is None:
            self._shape = shape_of(config)
        return step_flops(self._shape, self._stage, tokens=tokens, pictures=pictures, learnt=learnt)

    def stopping(self) -> bool:
        """Whether this process or another one of the run is asked to stop."""
        return self._watch.world.any(self.interrupt.seen)

    def tell(self, **figures: object) -> None:
        """How far the stage is."""
        self._watch.tell(**self._place, **figures)

    def look(self, step: int, *, validate: Callable[[], dict[str, float]] | None) -> Look | None:
        """Scores if `validate` is given, answers if it is their turn; null if a signal broke it off."""
        shows = self._stage.show_every and step % self._stage.show_every == 0
        if validate is None and not shows:
            return Look({}, [])
        modes = [(module, module.training) for module in self._parts.model.modules()]
        try:
            with self.interrupt.giving_up():
                scores = {**validate(), **self._scores()} if validate else {}
                said = self._answers() if shows else []
        except Stop:
            return None
        finally:
            for module, training in modes:
                module.training = training
        return Look(scores, said)

    def write(self, look: Look, step: int) -> None:
        """Put what a look has found into the files of the run."""
        if look.scores:
            self.ledger.add({**self._place, "step": step, **look.scores})
        if look.answers and self._watch.world.is_main:
            samples = self._watch.chosen(self._stage.show_samples)
            self._watch.samples.add({**self._place, "step": step}, samples, look.answers)
            reporter().note("train.shown", stage=self._place["name"], step=step, count=len(samples))

    def _scores(self) -> dict[str, float]:
        """The figures of the scorer, where the stage is judged by one of them."""
        if not _metrics(self._stage) - {VALIDATION_LOSS}:
            return {}
        scorer = self._watch.hands.scorer
        assert scorer is not None
        with self._around(), Compute(self._stage).autocast():
            return scorer(self._chat(), self._watch.chosen(self._stage.validate_samples, kinds=_CLOSED))

    def _answers(self) -> list[str]:
        samples = self._watch.chosen(self._stage.show_samples)
        with self._around(), Compute(self._stage).autocast():
            return answers(self._chat(), samples, text_only=self._stage.kind == "medical-llm")

    def _chat(self) -> Chat:
        chat = self._watch.hands.chat
        assert chat is not None
        return chat(self._parts)


def _metrics(stage: StageConfig) -> set[str]:
    """The scores that a stage is judged by."""
    early = {stage.early_stop.metric} if stage.early_stop else set()
    return early | ({stage.keep_best} if stage.keep_best else set())
