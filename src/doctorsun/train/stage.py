"""One stage: the model the one before left, tuned as this one says, trained, saved as plain weights."""

from safetensors.torch import save_file

from doctorsun.core.files import storage_errors
from doctorsun.core.progress import reporter
from doctorsun.model.parts import Parts
from doctorsun.model.store import load_model, read_about, save_model
from doctorsun.model.tuning import Tuned, apply_tuning, merge_tuning
from doctorsun.train.answers import Answers, Reading, Setting
from doctorsun.train.bench import Bench
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.crash import crash_point
from doctorsun.train.device import Compute
from doctorsun.train.draws import seed_of
from doctorsun.train.loop import Loop, Place
from doctorsun.train.recipe import StageConfig
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
    parts = load_model(before)
    tuned = apply_tuning(parts.model, stage.tune, seed=seed)
    objective = make_objective(bench, stage, parts, tuned, seed=seed)
    reporter().note(
        "train.stage", number=number, stages=len(bench.recipe.stages), stage=label, steps=objective.total
    )
    place = Place(folder, number, label, seed)
    start_size = read_about(before)["metrics_bytes"]
    assert isinstance(start_size, int)
    Loop(objective, stage, place, ledger=bench.ledger).run(start_size=start_size)
    crash_point("stage.before_final")
    if isinstance(objective, Vision):
        with storage_errors(folder / HEADS):
            save_file(objective.head_weights(), folder / HEADS)
    merge_tuning(parts.model)
    save_model(parts, bench.final(number), about={"stage": label, "metrics_bytes": bench.ledger.size()})
    crash_point("stage.after_final")


def make_objective(
    bench: Bench, stage: StageConfig, parts: Parts, tuned: Tuned, *, seed: int
) -> Answers | Vision:
    """What the stage learns, on the device, with the pictures it needs at hand."""
    compute = Compute(stage)
    parts.model.to(compute.device)
    text_only = stage.kind == "medical-llm"
    setting = Setting(compute, seed)
    if not text_only:
        setting = Setting(compute, seed, pictures=bench.pictures(parts))
    if stage.kind == "medical-vision":
        pieces = _reading(bench.training, parts, stage, text_only=True)
        return Vision(parts, stage, groups=tuned.groups, reading=pieces, setting=setting)
    if not text_only and stage.vision.mode == "frozen":
        cache = bench.features(parts, stage, setting)
        setting = Setting(compute, seed, pictures=setting.pictures, cache=cache)
    validation = bench.validation
    return Answers(
        parts,
        stage,
        groups=tuned.groups,
        training=_reading(bench.training, parts, stage, text_only=text_only),
        validation=_reading(validation, parts, stage, text_only=text_only) if validation else None,
        setting=setting,
    )


def _reading(corpus: Corpus, parts: Parts, stage: StageConfig, *, text_only: bool) -> Reading:
    context: int = parts.model.config.text_config.max_position_embeddings
    pieces = Pieces(corpus, parts.encoder, context=context, supervise=stage.supervise, text_only=text_only)
    return Reading(corpus, pieces)
