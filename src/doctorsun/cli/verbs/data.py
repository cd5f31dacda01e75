"""`sun data build|plan|sources|audit|check|inspect|export|push`: make a data set, look at it, pass it on."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from doctorsun.cli.commands import Verb, VerbGroup
from doctorsun.cli.places import DATASETS, dataset_folder
from doctorsun.cli.recipes import for_data
from doctorsun.cli.screen import line, table
from doctorsun.core.config import load
from doctorsun.core.errors import DataError
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
    from doctorsun.cli.translating import open_translator
    from doctorsun.data.build import build

    hospitals = [name for name, said in recipe.data.used().items() if (said.reader or name) == "hospital"]
    translator = open_translator(recipe.data.translation, hospitals=hospitals)
    place = build(recipe.data, translator=translator)
    line("cli.build_end", where=place, name=place.name if place.parent == DATASETS else place)


@app.command(cls=Verb, help="cli.verb_data_plan")
def plan(
    preset: Annotated[str, typer.Argument(help="cli.word_preset")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_overrides")] = None,
) -> None:
    """Say what a build would take, what falls out, and what each stage would draw."""
    from doctorsun.train.recipe import Recipe

    recipe = load(Recipe, preset, overrides=for_data(words or []))
    from doctorsun.cli.plan_view import show_plan
    from doctorsun.data.mix import MixConfig
    from doctorsun.data.plan import plan

    stages = {recipe.label(at): stage.mixture for at, stage in enumerate(recipe.stages, start=1)}
    show_plan(plan(recipe.data, stages or {say("cli.plan_default"): MixConfig()}))


@app.command(cls=Verb, help="cli.verb_data_sources")
def sources(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="cli.word_source")] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="cli.option_data_root")] = None,
) -> None:
    """Show every source and how to get it, with a folder what of it is there; or one card whole."""
    from doctorsun.cli.source_cards import show_source, show_sources

    if name is None:
        show_sources(data)
    else:
        show_source(name, data)


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


@app.command(cls=Verb, help="cli.verb_data_check")
def check(
    dataset: Annotated[str, typer.Argument(help="cli.word_dataset")],
    every: Annotated[bool, typer.Option("--all", help="cli.option_all_pictures")] = False,
) -> None:
    """Look for faults in every file of a data set: one line each."""
    folder = dataset_folder(dataset)
    from doctorsun.data.examination import examined

    found = examined(folder, every_picture=every)
    for fault in found.faults:
        line("cli.check_fault", fault=str(fault))
    if found.faults:
        raise DataError("cli.check_failed", where=folder, number=len(found.faults))
    line("cli.check_end", where=folder, files=found.files, rows=found.rows, pictures=found.pictures)


@app.command(cls=Verb, help="cli.verb_data_inspect")
def inspect(
    dataset: Annotated[str, typer.Argument(help="cli.word_dataset")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="cli.option_page")] = None,
    model: Annotated[str | None, typer.Option("--model", help="cli.option_token_view")] = None,
    review: Annotated[Path | None, typer.Option("--review", metavar="DIR", help="cli.option_queue")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="cli.option_queue_key")] = None,
) -> None:
    """Write the page that shows a data set."""
    folder = dataset_folder(dataset)
    from doctorsun.data.dataset import open_dataset
    from doctorsun.data.inspection import write_page

    view = waiting = None
    if model is not None:
        from doctorsun.cli.token_view import token_view

        view = token_view(model, open_dataset(folder))
    if review is not None:
        from doctorsun.cli.queue import review_blocks

        waiting = review_blocks(review, key)
    named = folder if folder.name else folder.resolve()
    kind = "review.html" if waiting else "html"
    out = out or named.with_name(f"{named.name}.{kind}")
    place = write_page(folder, out, tokens=view, review=waiting or ())
    line("cli.inspect_review_end" if waiting else "cli.inspect_end", where=place)


@app.command(cls=Verb, help="cli.verb_data_export")
def export(
    dataset: Annotated[str, typer.Argument(help="cli.word_dataset")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="cli.option_format")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="cli.option_export")],
) -> None:
    """Write a data set in the format of another toolkit."""
    folder = dataset_folder(dataset)
    from doctorsun.data.build import reason_text
    from doctorsun.data.export import export

    outlet = export(folder, to, out)
    for reason, number in sorted(outlet.counts.dropped.items()):
        line("cli.export_dropped", number=number, reason=reason_text(reason))
    line("cli.export_end", where=out, format=to, rows=f"{sum(outlet.rows.values()):,}")


@app.command(cls=Verb, help="cli.verb_data_push")
def push(
    dataset: Annotated[str, typer.Argument(help="cli.word_dataset")],
    name: Annotated[str, typer.Argument(help="cli.word_repo")],
    public: Annotated[bool, typer.Option("--public", help="cli.option_public")] = False,
    approved: Annotated[bool, typer.Option("--i-have-approval", help="cli.option_approval")] = False,
    checked: Annotated[bool, typer.Option("--licence-checked", help="cli.option_licence_checked")] = False,
) -> None:
    """Upload a data set to a hub, private unless said otherwise."""
    folder = dataset_folder(dataset)
    from doctorsun.cli.hub import open_hub
    from doctorsun.data.hub import Consent, push

    consent = Consent(public=public, approved=approved, licence_checked=checked)
    with open_hub(name, os.environ) as hub:
        push(folder, name, hub=hub, consent=consent)
    line("cli.push_end_public" if public else "cli.push_end", name=name)


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
