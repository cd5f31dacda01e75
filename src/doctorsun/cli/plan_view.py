"""What `sun data plan` shows: tables on a terminal, one JSON object a source and a draw in a pipe."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from doctorsun.cli.screen import PAD, line, on_terminal, put_json, table
from doctorsun.core.strings import language, say

if TYPE_CHECKING:
    from doctorsun.data.plan import Draw, Plan, SourcePlan

DIMENSIONS = ("source", "lang", "task", "modality")


def show_plan(found: "Plan") -> None:
    """Every source, what falls out, which licences are refused, what is drawn, and the licence of it all."""
    if on_terminal():
        _show(found)
    else:
        for source in found.sources:
            put_json({"event": "cli.plan_source", **_row(source)})
        for draw in found.draws:
            put_json({"event": "cli.plan_draw", "estimated": not found.built, **_draw_row(draw)})
    if found.benchmarks:
        line("cli.plan_benchmarks", names=", ".join(found.benchmarks))
    if found.brought_by:
        line("cli.plan_licence", licence=found.licence, sources=", ".join(found.brought_by))
    if found.refusal is not None:
        raise found.refusal


def _show(found: "Plan") -> None:
    table("cli.table_plan", [_short(source) for source in found.sources])
    table("cli.table_out", list(_out(found)))
    refused = [
        {"source": each.card.name, "refused": each.refused, "key": each.key or say("cli.plan_commercial")}
        for each in found.sources
        if each.refused
    ]
    table("cli.table_refused", refused)
    line("cli.plan_built" if found.built else "cli.plan_estimated")
    for name in DIMENSIONS:
        _show_draws(name, found.draws)


def _short(source: "SourcePlan") -> dict[str, object]:
    """What a table of a hundred columns has room for."""
    langs = source.holds.samples["lang"]
    return {
        "source": source.card.name,
        "found": source.present,
        "licence": source.licences,
        "kept": source.counts.kept,
        "out": source.counts.dropped.total(),
        "pictures": source.holds.pictures,
        "samples_zh": langs["zh"],
        "samples_en": langs["en"],
        "test_only": source.holds.test_only,
    }


def _row(source: "SourcePlan") -> dict[str, object]:
    """Everything a program may want to know of a source."""
    holds, counts = source.holds, source.counts
    return {
        "source": source.card.name,
        "title": source.card.title,
        "general": source.card.general,
        "present": source.present,
        "path": source.place,
        "licences": source.licences,
        "admitted": not source.refused,
        "refused": source.refused,
        "key": source.key,
        "records": counts.kept + counts.dropped.total(),
        "kept": counts.kept,
        "dropped": dict(sorted(counts.dropped.items())),
        "image_absent": counts.dropped["data.image_absent"],
        "noted": dict(sorted(counts.noted.items())),
        "examples": counts.examples,
        "splits": holds.splits,
        "test_only": holds.test_only,
        "pictures": holds.pictures,
        "samples": {f"by_{name}": dict(sorted(found.items())) for name, found in holds.samples.items()},
    }


def _draw_row(draw: "Draw") -> dict[str, object]:
    ratio = round(draw.general / draw.domain, 4) if draw.domain else None
    by = {f"by_{name}": numbers for name, numbers in draw.by.items()}
    return {"stages": draw.stages, "domain": draw.domain, "general": draw.general, "ratio": ratio, **by}


def _out(found: "Plan") -> Iterator[dict[str, object]]:
    from doctorsun.data.losses import reason_text

    for source in found.sources:
        for reason, number in sorted(source.counts.dropped.items()):
            yield {"source": source.card.name, "records": number, "reason": reason_text(reason)}


def _show_draws(name: str, draws: "tuple[Draw, ...]") -> None:
    """How many samples of each value the stages draw, a column for each different mixture."""
    word = _worded(name)
    grid = Table(
        title=say("cli.table_drawn", of=say(f"cli.drawn_{name}")),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=PAD,
    )
    grid.add_column(say(f"cli.drawn_{name}"), overflow="fold")
    for draw in draws:
        grid.add_column(", ".join(draw.stages), justify="right", overflow="fold")
    values = {value: None for draw in draws for value in draw.by[name]}
    for value in values:
        grid.add_row(word(value), *(_share(draw, draw.by[name].get(value, 0)) for draw in draws))
    if name == "source":
        grid.add_section()
        for key, numbers in (("domain", [d.domain for d in draws]), ("general", [d.general for d in draws])):
            shares = (_share(draw, number) for draw, number in zip(draws, numbers, strict=True))
            grid.add_row(say(f"cli.drawn_{key}"), *shares)
        grid.add_row(say("cli.drawn_ratio"), *(_ratio(draw) for draw in draws))
    Console(file=sys.stdout, highlight=False, markup=False).print(grid)


def _share(draw: "Draw", number: int) -> str:
    whole = draw.domain + draw.general
    return f"{number:,}  {number / whole:6.1%}" if number else "-"


def _ratio(draw: "Draw") -> str:
    return f"1 : {draw.general / draw.domain:.2f}" if draw.domain else "-"


def _worded(name: str) -> Callable[[str], str]:
    """The words of a value of one dimension, in the user's language."""
    from doctorsun.data.wording import lang_word, task_word, term_word

    both = {"lang": lang_word, "task": task_word, "modality": term_word}.get(name)
    return (lambda value: both(value).of(language())) if both else str
