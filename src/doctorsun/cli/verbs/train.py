"""`sun train PRESET [key=value…]`: all stages of a recipe; goes on by itself where it was stopped."""

from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import RUNS
from doctorsun.cli.recipes import for_run
from doctorsun.cli.screen import line
from doctorsun.cli.switches import goes_online
from doctorsun.core.config import load
from doctorsun.core.strings import language

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_train")
def train(
    preset: Annotated[str, typer.Argument(help="cli.word_preset")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="cli.option_out")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option_dry_run")] = False,
    background: Annotated[bool, typer.Option("--background", help="cli.option_background")] = False,
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
        from doctorsun.cli.rehearsal import rehearse

        rehearse(recipe, run_folder)
        return
    if background:
        _detach([preset, *overrides], run_folder)
        return
    from doctorsun.cli.watching import hands
    from doctorsun.train.parallel.world import world
    from doctorsun.train.run import run

    run(recipe, run_folder, hands=hands(online=goes_online()))
    if world().is_main:
        line("cli.train_end", where=run_folder / "model", name=run_folder)


def _detach(words: list[str], run_folder: Path) -> None:
    from doctorsun.cli.background import start

    online = ["--online"] if goes_online() else []
    pid, log = start(["train", *words, "--out", str(run_folder), "--ui", language(), *online], run_folder)
    line("cli.train_background", pid=pid, log=log, name=run_folder.name)
