"""A model's folder and data sets' folders in, results out: what `sun eval` and `sun quickstart` share."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from doctorsun.cli.places import DATASETS, run_of
from doctorsun.core.files import sha256_file
from doctorsun.evals.metrics import Result
from doctorsun.evals.run import evaluate
from doctorsun.evals.settings import EvalSettings, Provenance

PACKAGES = ("doctorsun", "torch", "transformers", "tokenizers", "numpy", "scikit-learn", "pillow")
COLUMNS = {
    "closed_accuracy": ("closed_accuracy", "image"),
    "balanced_accuracy": ("balanced_accuracy", "image"),
    "majority": ("majority_accuracy", "none"),
    "chance": ("chance_accuracy", "none"),
    "image_reliance": ("image_reliance", "shuffled"),
}


def measure(folder: Path, datasets: Sequence[Path], *, out: Path, settings: EvalSettings) -> list[Result]:
    """The results of the model in `folder`; all files of an evaluation stand in `out` then."""
    from doctorsun.engines.open import chat_with

    run = run_of(folder)
    chat = chat_with(folder, name=run.name)
    recipe, metrics = run / "recipe.yaml", run / "metrics.jsonl"
    provenance = Provenance(
        model=weights_sum(folder),
        command=shlex.join(["sun", *sys.argv[1:]]),
        versions=dict(versions()),
        recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
        metrics=metrics if metrics.is_file() else None,
    )
    if settings.train is None:
        settings = settings.model_copy(update={"train": taught_by(recipe)})
    return evaluate(chat, datasets, out=out, settings=settings, provenance=provenance, features=chat.features)


def weights_sum(folder: Path) -> str:
    """A short sum of a model's weights, which tells two models apart."""
    sums = [sha256_file(path) for path in sorted(folder.glob("*.safetensors"))]
    return f"{folder.name}@{''.join(sums)[:12]}" if sums else folder.name


def versions() -> Iterator[tuple[str, str]]:
    """The installed versions of what decides a number."""
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def taught_by(recipe: Path) -> Path | None:
    """The data set that a run was trained on, where it is still there."""
    if not recipe.is_file():
        return None
    data = (yaml.safe_load(recipe.read_text(encoding="utf-8")) or {}).get("data", {})
    place = Path(data["out"]) if data.get("out") else DATASETS / str(data.get("name"))
    return place if (place / "dataset.json").is_file() else None


def summary(results: Sequence[Result]) -> list[dict[str, object]]:
    """A row for each data set and language: the headline with its interval, beside what is simpler."""
    whole = [result for result in results if result.slice == "all"]
    rows: list[dict[str, object]] = []
    for task, lang in sorted({(result.task, result.lang) for result in whole}):
        found = {(r.metric, r.condition): r for r in whole if (r.task, r.lang) == (task, lang)}
        headline = found.get(COLUMNS["closed_accuracy"])
        row: dict[str, object] = {"dataset": task, "lang": lang, "n": headline.n if headline else None}
        for column, key in COLUMNS.items():
            row[column] = round(found[key].value, 4) if key in found else None
            if column == "closed_accuracy":
                row["interval"] = _interval(headline)
        rows.append(row)
    return rows


def _interval(result: Result | None) -> str | None:
    if result is None or result.low is None or result.high is None:
        return None
    return f"{result.low:.2f}-{result.high:.2f}"
