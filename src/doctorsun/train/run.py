"""A recipe -> a run: assemble, train every stage, keep what a person needs to use and to repeat it."""

import hashlib
import json
from itertools import islice
from pathlib import Path

import yaml
from transformers import PreTrainedTokenizerBase

from doctorsun.core.config import Tree
from doctorsun.core.errors import ConfigError, DataError, ModelError
from doctorsun.core.files import write_whole
from doctorsun.core.progress import reporter, track
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.model.assemble import assemble
from doctorsun.model.store import load_model, save_model
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.trust import MANIFEST, verify_manifest
from doctorsun.train.bench import Bench
from doctorsun.train.card import write_card
from doctorsun.train.checkpoint import drop_checkpoints, drop_folder, sweep
from doctorsun.train.crash import crash_point
from doctorsun.train.device import repeatable, settled
from doctorsun.train.recipe import Recipe
from doctorsun.train.stage import run_stage

RECIPE = "recipe.yaml"
_TOKENIZER_TEXTS = 200_000


def run(recipe: Recipe, out: Path) -> Path:
    """Train all stages of a recipe in the folder `out` and return the folder of the finished model.

    Goes on where an earlier run of the same recipe stopped. ConfigError names the key if the folder holds a
    run of another recipe, DataError says what to type if the data set is absent.
    """
    dataset = _dataset(recipe)
    recipe = settle(recipe, out)
    claim(out, recipe)
    bench = Bench(recipe, dataset, out)
    model = out / "model"
    if finished(model):
        reporter().note("train.finished_before", where=model)
    else:
        with repeatable(recipe.threads):
            if not finished(bench.final(0)):
                _start(bench)
            for number in range(1, len(recipe.stages) + 1):
                if not finished(bench.final(number)):
                    run_stage(bench, number)
                drop_checkpoints(bench.stage(number))
        crash_point("run.before_model")
        save_model(load_model(bench.final(len(recipe.stages))), model, about=about(recipe, dataset))
    write_card(model, recipe, dataset)
    bench.clear()
    return model


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
    """Put the resolved recipe into a run's folder; ConfigError names the first key that differs there."""
    path = out / RECIPE
    tree: Tree = recipe.model_dump(mode="json")
    if path.is_file():
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        different = difference(before, tree)
        if different is not None:
            key, old, new = different
            raise ConfigError("train.recipe_changed", where=path, place=key, found=new, expected=old)
        return
    write_whole(path, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


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
            "name": dataset.name,
            "licence": dataset.licence,
            "sha256": hashlib.sha256(listing.encode("utf-8")).hexdigest(),
        },
    }


def _dataset(recipe: Recipe) -> Dataset:
    place = recipe.data.place
    if not (place / "dataset.json").is_file():
        raise DataError("train.no_dataset", where=place, name=recipe.name)
    return open_dataset(place)


def _start(bench: Bench) -> None:
    """Assemble the model that the first stage starts from."""
    recipe = bench.recipe
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
