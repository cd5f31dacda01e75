"""A recipe -> a run: assemble, train every stage, keep what a person needs to use and to repeat it."""

import hashlib
import json
from itertools import islice
from pathlib import Path

import yaml
from transformers import PreTrainedTokenizerBase

from doctorsun.core.config import Tree, validate
from doctorsun.core.errors import ConfigError, DataError, ModelError
from doctorsun.core.files import write_whole
from doctorsun.core.progress import reporter, silence, track
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.model.assemble import assemble
from doctorsun.model.store import Dtype, load_model, save_model, start_folder
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.trust import MANIFEST, verify_manifest
from doctorsun.train.bench import Bench
from doctorsun.train.card import data_facts, write_card
from doctorsun.train.checkpoint import drop_checkpoints, drop_folder, sweep
from doctorsun.train.crash import crash_point
from doctorsun.train.device import repeatable, settled
from doctorsun.train.estimate.published import refuse_absent
from doctorsun.train.parallel.world import World, world
from doctorsun.train.recipe import Recipe
from doctorsun.train.stage import run_stage
from doctorsun.train.watch.hands import Hands
from doctorsun.train.watch.watching import Watch

RECIPE = "recipe.yaml"
_TOKENIZER_TEXTS = 200_000
_FREE = {
    "parallel",
    "features",
    "report_to",
    "report_samples",
    "workers",
    "checkpointing",
    "save_every",
    "show_every",
    "show_samples",
}
_STORED: dict[str, Dtype] = {"fp32": "float32", "bf16": "bfloat16", "stored": "auto"}


def run(recipe: Recipe, out: Path, *, hands: Hands | None = None) -> Path:
    """Train all stages of a recipe in the folder `out` and return the folder of the finished model.

    Goes on where an earlier run of the same recipe stopped. ConfigError names the key if the folder holds a
    run of another recipe, DataError says what to type if the data set is absent; Stopped tells that a person
    or a scheduler stopped it, TrainError that another process trains in this folder. `hands` are what the
    recipe may need of other rooms.
    """
    everyone = world()
    if not everyone.is_main:
        silence()
    dataset = dataset_of(recipe)
    with everyone.main_first():
        recipe = settle(recipe, out)
        claim(out, recipe)
    watch = Watch(recipe, dataset, out, hands=hands or Hands(), world=everyone)
    bench = Bench(recipe, dataset, out, watch)
    model = out / "model"
    if _finished(model, everyone):
        reporter().note("train.finished_before", where=model)
    else:
        with watch.on():
            _train(bench, model, everyone)
    with everyone.main_first():
        if everyone.is_main:
            write_card(model, recipe, dataset)
            bench.clear()
    return model


def _train(bench: Bench, model: Path, everyone: World) -> None:
    """Every stage that is not finished, then the model of the last one as the run's own."""
    recipe = bench.recipe
    with repeatable(recipe.threads):
        with everyone.main_first():
            if everyone.is_main and not finished(bench.final(0)):
                start_run(bench)
        for number in range(1, len(recipe.stages) + 1):
            bench.watch.between()
            if not _finished(bench.final(number), everyone):
                run_stage(bench, number)
            if everyone.is_main:
                drop_checkpoints(bench.stage(number))
    crash_point("run.before_model")
    if everyone.is_main:
        left = bench.final(len(recipe.stages))
        save_model(load_model(left), model, about=about(recipe, bench.dataset))


def _finished(folder: Path, everyone: World) -> bool:
    """Whether the main rank finds a model folder finished."""
    return bool(everyone.told(finished(folder) if everyone.is_main else None))


def finished(folder: Path) -> bool:
    """Whether a model folder is there and is what was saved; a damaged one is named and removed."""
    sweep(folder.parent)
    if not folder.is_dir():
        return False
    try:
        if not (folder / MANIFEST).is_file():
            raise ModelError("model.file_absent", where=folder / MANIFEST)
        verify_manifest(folder)
    except ModelError as error:
        reporter().note("train.final_damaged", where=folder, problem=error)
        drop_folder(folder)
        return False
    return True


def settle(recipe: Recipe, out: Path) -> Recipe:
    """The recipe with every precision said: what a run that was begun in `out` says, else what fits here."""
    path = out / RECIPE
    before = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    said = [stage.get("precision", "auto") for stage in before.get("stages", [])]
    said += ["auto"] * len(recipe.stages)
    stages = [
        settled(stage.model_copy(update={"precision": word}) if stage.precision == "auto" else stage)
        for stage, word in zip(recipe.stages, said, strict=False)
    ]
    return recipe.model_copy(update={"stages": stages})


def claim(out: Path, recipe: Recipe) -> None:
    """Put the resolved recipe into a run's folder; ConfigError names the first key that differs there.

    A key that the recipe there does not have, because it is newer, counts as its default. Keys that decide no
    bit (where, by how many and how a run is watched) may differ: those of now are used.
    """
    path = out / RECIPE
    tree: Tree = recipe.model_dump(mode="json")
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        different = difference(_deciding(_filled(before, path)), _deciding(tree))
        if different is not None:
            key, old, new = different
            raise ConfigError("train.recipe_changed", where=path, place=key, found=new, expected=old)
        return
    write_whole(path, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


def _filled(tree: Tree, path: Path) -> Tree:
    """A recipe with every key it lacks as its default; as it is where one of its keys is none any more."""
    try:
        return validate(Recipe, tree, where=str(path)).model_dump(mode="json")
    except ConfigError:
        return tree


def _deciding(tree: Tree) -> Tree:
    """What of a recipe decides the bits of a run."""
    stages = [{key: value for key, value in stage.items() if key not in _FREE} for stage in tree["stages"]]
    return {key: value for key, value in tree.items() if key not in _FREE} | {"stages": stages}


def difference(old: object, new: object, *, at: str = "") -> tuple[str, object, object] | None:
    """The place of the first difference of two trees of values, with both values; null if there is none."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        found = (difference(old.get(key), new.get(key), at=f"{at}.{key}".lstrip(".")) for key in keys)
        return next((one for one in found if one is not None), None)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        found = (difference(one, other, at=f"{at}.{number}") for number, (one, other) in pairs)
        return next((one for one in found if one is not None), None)
    return None if old == new else (at, old, new)


def about(recipe: Recipe, dataset: Dataset) -> dict[str, object]:
    """What `doctorsun.json` of a model says of its making."""
    listing = json.dumps(dataset.info["files"], sort_keys=True)
    return {
        "recipe": recipe.model_dump(mode="json"),
        "data": {
            **data_facts(dataset),
            "sha256": hashlib.sha256(listing.encode("utf-8")).hexdigest(),
        },
    }


def dataset_of(recipe: Recipe) -> Dataset:
    """The data set that a recipe trains on; DataError says what to type if it is absent."""
    place = recipe.data.place
    if not (place / "dataset.json").is_file():
        raise DataError("train.no_dataset", where=place, name=recipe.data.name)
    return open_dataset(place)


def start_run(bench: Bench) -> None:
    """Assemble the model that the first stage starts from."""
    recipe = bench.recipe
    if recipe.model.source is not None:
        whole = load_model(start_folder(recipe.model.source), dtype=_STORED[recipe.model.weights])
        save_model(whole, bench.final(0), about={"metrics_bytes": 0})
        return
    for part in (recipe.model.vision, recipe.model.language):
        if part.source is not None:
            refuse_absent(part.source)
    tokenizer = None if recipe.model.language.source else _tokenizer(bench)
    parts = assemble(recipe.model, tokenizer, seed=recipe.seed)
    save_model(parts, bench.final(0), about={"metrics_bytes": 0})


def _tokenizer(bench: Bench) -> PreTrainedTokenizerBase:
    """The tokenizer of a language model from scratch, trained on the texts of the training split."""
    rows = bench.dataset.rows("train")
    words = track(
        islice(rows.words(), _TOKENIZER_TEXTS), "train.reading_texts", min(len(rows), _TOKENIZER_TEXTS)
    )
    texts = (message.text for sample, _ in words for message in sample.messages)
    language = bench.recipe.model.language
    return train_tokenizer(texts, size=language.vocabulary, context=language.context)
