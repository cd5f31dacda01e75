"""`sun eval MODEL DATASET…`: measure a model, with and without the right picture."""

from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import dataset_folder, model_folder, run_of
from doctorsun.cli.screen import line, table
from doctorsun.core.config import from_overrides
from doctorsun.core.errors import ConfigError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_eval")
def evaluate(
    model: Annotated[str, typer.Argument(help="cli.word_model")],
    words: Annotated[list[str], typer.Argument(metavar="DATASET", help="cli.word_datasets")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="cli.option_out")] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="cli.option_limit")] = None,
    conditions: Annotated[
        str | None, typer.Option("--conditions", metavar="LIST", help="cli.option_conditions")
    ] = None,
) -> None:
    """Write predictions, results and report, and show the headline."""
    from doctorsun.evals.settings import EvalSettings

    folder = model_folder(model)
    datasets = [dataset_folder(word) for word in words if "=" not in word]
    values = [word for word in words if "=" in word]
    values += [f"limit={limit}"] if limit is not None else []
    values += [f"conditions=[{conditions}]"] if conditions is not None else []
    settings = from_overrides(EvalSettings, values, where="eval")
    if not datasets:
        raise ConfigError("cli.missing_word", where="sun eval", name="DATASET")
    from doctorsun.cli import measuring
    from doctorsun.data.dataset import open_dataset

    for path in datasets:
        open_dataset(path).verify()
    name = "+".join(path.resolve().name for path in datasets)
    part = "" if settings.split == "test" else f"-{settings.split}"
    place = out or run_of(folder) / "eval" / f"{name}{part}"
    results = measuring.measure(folder, datasets, out=place, settings=settings)
    table("cli.table_results", measuring.summary(results))
    line("cli.eval_end", where=place / "report.html")
