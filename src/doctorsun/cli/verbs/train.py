"""`sun train PRESET [key=value…]`: all stages of a recipe; goes on by itself where it was stopped."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import RUNS
from doctorsun.cli.recipes import for_run
from doctorsun.cli.screen import line, table
from doctorsun.core.config import load

if TYPE_CHECKING:
    from doctorsun.train.recipe import Recipe

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_train")
def train(
    preset: Annotated[str, typer.Argument(help="cli.word_preset")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="cli.option_out")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option_dry_run")] = False,
) -> None:
    """Train all stages, from the last checkpoint that is whole."""
    from doctorsun.data.dataset import open_dataset
    from doctorsun.train.recipe import Recipe

    overrides, place = for_run(words or [])
    recipe = load(Recipe, preset, overrides=overrides)
    run_folder = out or place or RUNS / recipe.name
    if (recipe.data.place / "dataset.json").is_file():
        open_dataset(recipe.data.place).verify()
    if dry_run:
        _rehearse(recipe, run_folder)
        return
    from doctorsun.train.run import run

    run(recipe, run_folder)
    line("cli.train_end", where=run_folder / "model", name=run_folder)


def _rehearse(recipe: "Recipe", run_folder: Path) -> None:
    from doctorsun.cli.rehearsal import rehearse

    found = rehearse(recipe, run_folder)
    table("cli.table_rehearsal", found.stages)
    free = shutil.disk_usage(run_folder.parent).free // 2**20
    line("cli.rehearsal_end", memory=found.memory_mib, disk=found.disk_mib, free=free)
