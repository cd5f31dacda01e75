"""`sun plan PRESET --gpus N --gpu KIND`: what a training takes on a machine that one need not have."""

from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.recipes import for_run
from doctorsun.cli.screen import line
from doctorsun.core.config import load

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_plan")
def plan(
    preset: Annotated[str, typer.Argument(help="cli.word_preset")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
    *,
    gpu: Annotated[str, typer.Option("--gpu", metavar="KIND", help="cli.option_gpu")] = "h100",
    gpus: Annotated[int, typer.Option("--gpus", min=1, help="cli.option_gpus")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="cli.option_nodes")] = 1,
    samples: Annotated[int | None, typer.Option("--samples", min=1, help="cli.option_samples")] = None,
    price: Annotated[float | None, typer.Option("--price", min=0, help="cli.option_price")] = None,
) -> None:
    """Tell memory, time, cost and disk of every stage; needs neither weights nor data."""
    from doctorsun.cli.plan_table import show_plans
    from doctorsun.train.estimate.gpus import accelerator
    from doctorsun.train.estimate.layout import LEARNT, QUESTIONS, WORDS
    from doctorsun.train.estimate.machine import Machine
    from doctorsun.train.estimate.plan import plan_stage
    from doctorsun.train.recipe import Recipe

    overrides, _ = for_run(words or [])
    machine = Machine.of(accelerator(gpu), each=gpus, nodes=nodes, price=price)
    recipe = load(Recipe, preset, overrides=overrides)
    numbers = range(1, len(recipe.stages) + 1)
    show_plans([plan_stage(recipe, number, machine, samples=samples) for number in numbers], machine)
    line("cli.plan_layout", questions=QUESTIONS, words=WORDS, learnt=LEARNT)
