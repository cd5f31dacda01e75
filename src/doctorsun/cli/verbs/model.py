"""`sun model assemble | convert`: parts put together; a model in the format of another tool, and back."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctorsun.cli.commands import Verb, VerbGroup
from doctorsun.cli.screen import line, table
from doctorsun.core.config import from_overrides, load

if TYPE_CHECKING:
    from doctorsun.model.config import ModelConfig

app = typer.Typer(cls=VerbGroup, help="cli.verb_model", add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def model(ctx: typer.Context) -> None:
    """Show the help when no verb is named."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command(cls=Verb, help="cli.verb_model_assemble")
def assemble(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="cli.option_out")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_parts")] = None,
    vision: Annotated[str | None, typer.Option("--vision", metavar="DIR", help="cli.option_vision")] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="DIR", help="cli.option_language")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="PRESET", help="cli.option_assemble_preset")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="cli.option_seed")] = 0,
) -> None:
    """Join an encoder and a language model into a LLaVA that is ready to be trained."""
    from doctorsun.model import description
    from doctorsun.model.assemble import assemble as join
    from doctorsun.model.store import save_model

    said = {"vision": vision, "language": language}
    named = [f"{part}.from={json.dumps(folder)}" for part, folder in said.items() if folder]
    config = _model_of(preset, [*named, *(words or [])])
    parts = join(config, seed=seed)
    told = description.describe(parts, config)
    save_model(parts, out, about={"model": config.model_dump(), "seed": seed})
    description.write_card(out, out.name, told)
    table("cli.table_assembled", [asdict(row) for row in told.parts])
    facts = {key: value for key, value in asdict(told).items() if key != "parts"}
    table("cli.table_seam", [facts | {"tools": ", ".join(told.tools)}])
    line("cli.assemble_end", where=out, tools=", ".join(told.tools))


@app.command(cls=Verb, help="cli.verb_model_convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="cli.word_convert")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="cli.option_to")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="cli.option_out")],
    base: Annotated[list[Path] | None, typer.Option("--base", metavar="DIR", help="cli.option_base")] = None,
    quantise: Annotated[
        str | None, typer.Option("--quantise", metavar="KIND", help="cli.option_quantise")
    ] = None,
) -> None:
    """Write a model in another format; the format of the source is found by itself."""
    from doctorsun.cli.model_card import results_of
    from doctorsun.cli.places import RUNS
    from doctorsun.model import conversion
    from doctorsun.train.card import card_of

    place = source if source.exists() or not (RUNS / source).is_dir() else RUNS / source
    results = results_of(place)
    done = conversion.convert(
        place,
        out,
        to=to,
        bases=base or (),
        quantise=quantise,
        card=lambda about: card_of(about, results),
    )
    megabytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 2**20
    line("cli.convert_end", source=done.source, target=to, where=out, size=f"{megabytes:.1f}")


def _model_of(preset: str | None, words: list[str]) -> "ModelConfig":
    """The model that words describe, alone or on top of a recipe's."""
    from doctorsun.model.config import ModelConfig
    from doctorsun.train.recipe import Recipe

    if preset is None:
        return from_overrides(ModelConfig, words, where="sun model assemble")
    return load(Recipe, preset, overrides=[f"model.{word}" for word in words]).model
