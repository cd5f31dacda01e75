"""`sun data build|sources|audit|inspect`: make a data set, and look at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from doctorsun.cli.commands import Verb, VerbGroup
from doctorsun.cli.places import DATASETS, dataset_folder
from doctorsun.cli.recipes import for_data
from doctorsun.cli.screen import line, on_terminal, table
from doctorsun.core.config import load
from doctorsun.core.strings import say

app = typer.Typer(cls=VerbGroup, help="cli.verb_data", add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def data(ctx: typer.Context) -> None:
    """Show the help when no verb is named."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command(cls=Verb, help="cli.verb_data_build")
def build(
    preset: Annotated[str, typer.Argument(help="cli.word_preset")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
) -> None:
    """Build the data set of a recipe."""
    from doctorsun.train.recipe import Recipe

    recipe = load(Recipe, preset, overrides=for_data(words or []))
    from doctorsun.data.build import build

    place = build(recipe.data)
    line("cli.build_end", where=place, name=place.name if place.parent == DATASETS else place)


@app.command(cls=Verb, help="cli.verb_data_sources")
def sources(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="cli.option_data_root")] = None,
) -> None:
    """Show the card of every source, and with a folder whether it is there."""
    from doctorsun.data.catalog import catalog

    rows: list[dict[str, object]] = []
    ways: list[dict[str, object]] = []
    for source in catalog(data):
        card = source.card
        row: dict[str, object] = {"name": card.name, "licence": card.licence, "languages": card.languages}
        here = {"found": source.generated or source.place is not None} if data else {}
        rows.append({**row, "patient_groups": card.patient_groups, **here})
        ways.append({"url": card.url, "obtain": card.obtain})
    if not on_terminal():
        rows = [{**row, **way} for row, way in zip(rows, ways, strict=True)]
    table("cli.table_sources", rows)
    if on_terminal():
        typer.echo(say("cli.column_obtain"))
        for row, way in zip(rows, ways, strict=True):
            typer.echo(f"  {row['name']}  {way['url']}\n      {way['obtain']}")


@app.command(cls=Verb, help="cli.verb_data_audit")
def audit(dataset: Annotated[str, typer.Argument(help="cli.word_dataset")]) -> None:
    """Check every file of a data set, and show what it holds and what its splits share."""
    folder = dataset_folder(dataset)
    from doctorsun.data.audit import audit
    from doctorsun.data.dataset import open_dataset

    found = audit(folder)
    info = open_dataset(folder).info
    columns = ("samples", "pictures", "groups")
    splits = [
        {"split": part, **{name: held[name] for name in columns}} for part, held in info["splits"].items()
    ]
    table("cli.table_splits", splits)
    table("cli.table_used", list(used(info["sources"])))
    table("cli.table_noted", list(noted(info["sources"])))
    table("cli.table_shared", [{"splits": pair, **numbers} for pair, numbers in found["shared"].items()])
    if found["official"]:
        leaky = found["official"]
        line("cli.audit_official", shared=leaky["pictures_shared_with_train"], pictures=leaky["pictures"])
    line("cli.audit_end", where=folder, licence=info["licence"])


@app.command(cls=Verb, help="cli.verb_data_inspect")
def inspect(
    dataset: Annotated[str, typer.Argument(help="cli.word_dataset")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="cli.option_page")] = None,
) -> None:
    """Write the page that shows a data set."""
    folder = dataset_folder(dataset)
    from doctorsun.data.inspection import write_page

    named = folder if folder.name else folder.resolve()
    line("cli.inspect_end", where=write_page(folder, out or named.with_name(f"{named.name}.html")))


def used(sources: dict[str, Any]) -> Iterator[dict[str, object]]:
    """How many records of each source were used, and how many were left out, a row for each reason."""
    from doctorsun.data.build import reason_text

    for name, source in sources.items():
        counts = source["counts"]
        yield {"source": name, "found": source["present"], "records": counts["kept"], "reason": None}
        for reason, number in counts["dropped"].items():
            yield {"source": name, "found": True, "records": -number, "reason": reason_text(reason)}


def noted(sources: dict[str, Any]) -> Iterator[dict[str, object]]:
    """What is worth knowing of each source and lost no record."""
    for name, source in sources.items():
        for what, number in source["counts"]["noted"].items():
            yield {"source": name, "count": number, "what": say(what)}
