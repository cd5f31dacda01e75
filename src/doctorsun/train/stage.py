"""One stage: the model the one before left, tuned as this one says, trained, saved as plain weights."""

from dataclasses import replace

from safetensors.torch import save_file

from doctorsun.core.errors import TrainError
from doctorsun.core.files import storage_errors
from doctorsun.core.progress import reporter
from doctorsun.model.parts import Parts
from doctorsun.model.store import load_model, read_about, save_model
from doctorsun.model.trust import MANIFEST
from doctorsun.model.tuning import Tuned, apply_tuning, merge_tuning
from doctorsun.train.answers import Answers, Reading
from doctorsun.train.bench import Bench
from doctorsun.train.checkpoint import checkpoint_at
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.crash import crash_point
from doctorsun.train.device import Compute
from doctorsun.train.draws import seed_of
from doctorsun.train.frozen import frozen_features
from doctorsun.train.loop import Ended, Loop, Place
from doctorsun.train.pairs import Pairs
from doctorsun.train.parallel.sharding import gathered
from doctorsun.train.parallel.start import begin, put_into, tuned_model
from doctorsun.train.parallel.team import Team
from doctorsun.train.preference import PairReading, Preference
from doctorsun.train.recipe import StageConfig
from doctorsun.train.rounded import raise_weights
from doctorsun.train.setting import Setting
from doctorsun.train.vision import Vision

HEADS = "heads.safetensors"


def run_stage(bench: Bench, number: int) -> None:
    """Train stage `number` (from 1) from its newest checkpoint and save what it leaves."""
    stage = bench.recipe.stages[number - 1]
    label = bench.recipe.label(number)
    folder = bench.stage(number)
    seed = seed_of(bench.recipe.seed, number)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    before = bench.final(number - 1)
    begun = begin(before, stage, bench.recipe.parallel, seed=seed)
    everyone = begun.team.world
    objective = make_objective(bench, stage, begun.parts, begun.tuned, seed=seed, team=begun.team)
    reporter().note(
        "train.stage", number=number, stages=len(bench.recipe.stages), stage=label, steps=objective.total
    )
    if isinstance(objective, Preference):
        objective.read_reference(bench.out / "cache", start=(before / MANIFEST).read_text(encoding="utf-8"))
    place = Place(folder, number, label, seed)
    start_size = read_about(before)["metrics_bytes"]
    assert isinstance(start_size, int)
    watch = bench.watch.stage(number, begun.parts, begun.team.outside)
    ended = Loop(objective, stage, place, watch=watch).run(start_size=start_size)
    learnt = gathered(objective.groups, everyone) if begun.team.sharded else None
    with everyone.main_first():
        if everyone.is_main:
            if learnt is not None:
                begun = replace(begun, parts=tuned_model(before, stage, seed=seed))
                put_into(begun.parts, learnt)
            _leave(bench, number, begun.parts, objective, ended)


def _leave(
    bench: Bench, number: int, parts: Parts, objective: "Answers | Vision | Preference", ended: Ended
) -> None:
    """Save what the stage leaves: plain weights, and the heads of `medical-vision` beside them."""
    if ended.best is not None and ended.best != ended.last:
        parts = _keep_both(bench, number, ended)
    crash_point("stage.before_final")
    if isinstance(objective, Vision):
        heads = bench.stage(number) / HEADS
        with storage_errors(heads):
            save_file(objective.head_weights(), heads)
    raise_weights(parts.model)
    merge_tuning(parts.model)
    about = {"stage": bench.recipe.label(number), "metrics_bytes": bench.watch.ledger.size()}
    save_model(parts, bench.final(number), about=about)
    crash_point("stage.after_final")


def _keep_both(bench: Bench, number: int, ended: Ended) -> Parts:
    """Save the model of the best or the last step, the one the stage does not leave; return the other one."""
    stage = bench.recipe.stages[number - 1]
    steps = {"best": ended.best, "last": ended.last}
    leaves = steps.pop(stage.leave)
    assert leaves is not None
    for name, step in steps.items():
        assert step is not None
        parts = _at_step(bench, number, step)
        merge_tuning(parts.model)
        save_model(
            parts, bench.stage(number) / name, about={"stage": bench.recipe.label(number), "step": step}
        )
        reporter().note("train.kept", where=bench.stage(number) / name, step=step, name=name)
    return _at_step(bench, number, leaves)


def _at_step(bench: Bench, number: int, step: int) -> Parts:
    """The model as it was when a checkpoint of the stage was saved, its tuning not merged yet."""
    stage = bench.recipe.stages[number - 1]
    parts = load_model(bench.final(number - 1))
    tuned = apply_tuning(parts.model, stage.tune, seed=seed_of(bench.recipe.seed, number))
    learning = {
        name: parameter
        for group in tuned.groups
        for name, parameter in zip(group.names, group.parameters, strict=True)
    }
    checkpoint_at(bench.stage(number), step).restore_weights(learning)
    return parts


def make_objective(
    bench: Bench, stage: StageConfig, parts: Parts, tuned: Tuned, *, seed: int, team: Team | None = None
) -> Answers | Vision | Preference:
    """What the stage learns, on the device, with the pictures it needs at hand."""
    compute = Compute(stage)
    compute.take(parts.model)
    text_only = stage.kind == "medical-llm"
    setting = Setting(compute, seed, team=team or Team())
    if parts.whole is not None and stage.kind == "medical-vision":
        kind = type(parts.model).__name__
        raise TrainError("train.no_whole_vision", stage=stage.name or stage.kind, kind=kind)
    if parts.whole is not None and not text_only:
        setting = replace(setting, originals=bench.originals(parts.whole))
    elif not text_only:
        setting = replace(setting, pictures=bench.pictures(parts))
    if stage.kind == "medical-vision":
        pieces = _reading(bench.training, parts, stage, setting, text_only=True)
        return Vision(parts, stage, groups=tuned.groups, reading=pieces, setting=setting)
    if not text_only and stage.vision.mode == "frozen" and parts.whole is None:
        setting = replace(setting, cache=frozen_features(parts, stage, setting, bench.features))
    if stage.kind == "preference":
        return _preference(bench, stage, parts, tuned, setting)
    validation = bench.validation
    return Answers(
        parts,
        stage,
        groups=tuned.groups,
        training=_reading(bench.training, parts, stage, setting, text_only=text_only),
        validation=_reading(validation, parts, stage, setting, text_only=text_only) if validation else None,
        setting=setting,
    )


def _preference(bench: Bench, stage: StageConfig, parts: Parts, tuned: Tuned, setting: Setting) -> Preference:
    """The objective over the pairs of both splits; what it is held to is not read yet."""
    context: int = parts.model.config.text_config.max_position_embeddings
    training, validation = (
        PairReading(pairs, Pairs(pairs, parts.encoder, context=context, originals=setting.originals))
        if pairs
        else None
        for pairs in (bench.training.pairs(), bench.validation and bench.validation.pairs())
    )
    assert training is not None
    return Preference(
        parts, stage, groups=tuned.groups, training=training, validation=validation, setting=setting
    )


def _reading(
    corpus: Corpus, parts: Parts, stage: StageConfig, setting: Setting, *, text_only: bool
) -> Reading:
    pieces = Pieces(
        corpus,
        parts.encoder,
        context=parts.model.config.text_config.max_position_embeddings,
        supervise=stage.supervise,
        text_only=text_only,
        originals=setting.originals,
    )
    return Reading(corpus, pieces)
