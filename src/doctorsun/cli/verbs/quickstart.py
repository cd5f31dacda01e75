"""`sun quickstart`: the whole road on the tiny model; run again, it goes on where it was stopped."""

from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import RUNS
from doctorsun.cli.recipes import already_built, for_run
from doctorsun.cli.screen import line, table
from doctorsun.core.config import from_overrides, load
from doctorsun.core.files import write_whole

app = typer.Typer(add_completion=False, rich_markup_mode=None)
PRESET = "quickstart"
EVAL = "eval."


_QUESTIONS = 2400


@app.command(cls=Verb, help="cli.verb_quickstart")
def quickstart(
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="cli.option_out")] = None,
) -> None:
    """Build the data, train the stages, measure the model, and say where to look next.

    `eval.key=value` changes how it is measured, other values the recipe.
    """
    from doctorsun.train.recipe import Recipe

    overrides, place = for_run([word for word in words or [] if not word.startswith(EVAL)])
    measured = [word.removeprefix(EVAL) for word in words or [] if word.startswith(EVAL)]
    recipe = load(Recipe, PRESET, overrides=overrides)
    folder = out or place or RUNS / recipe.name
    from doctorsun.cli import measuring
    from doctorsun.cli.watching import hands
    from doctorsun.data.build import build
    from doctorsun.evals.settings import EvalSettings
    from doctorsun.train.run import run

    settings = from_overrides(EvalSettings, [f"limit={_QUESTIONS}", *measured], where="eval")
    line("cli.quickstart_data", number=1, of=3)
    data = recipe.data.place if already_built(recipe.data) else build(recipe.data)
    line("cli.quickstart_train", number=2, of=3)
    run(recipe, folder, hands=hands())
    line("cli.quickstart_eval", number=3, of=3)
    results = measuring.measure(folder / "model", [data], out=folder, settings=settings)
    question = keep_example(data, folder / "example.png")
    table("cli.table_results", measuring.summary(results))
    line("cli.quickstart_end", report=folder / "report.html", model=folder, question=question)


def keep_example(data: Path, place: Path) -> str:
    """Put the first picture of the test split at `place`; the question that was asked of it."""
    from doctorsun.data.dataset import open_dataset

    sample = next(sample for sample in open_dataset(data).rows("test") if sample.images)
    write_whole(place, sample.images[0].bytes)
    return sample.messages[0].text.strip()
