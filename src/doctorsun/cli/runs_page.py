"""The page of all runs: how they stand, their curves, their answers by step, and how their recipes differ."""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from doctorsun.cli.run_records import Run, differences, stage_name
from doctorsun.cli.sparkline import duration
from doctorsun.core.page import (
    Badge,
    Block,
    Card,
    Cell,
    Column,
    Course,
    Explorer,
    Facet,
    Gallery,
    Line,
    Note,
    Page,
    Section,
    Table,
    Tone,
    Value,
    Words,
    both,
)
from doctorsun.train.watch.samples import PICTURES

FIGURES = (
    "loss",
    "validation_loss",
    "closed_accuracy",
    "lr",
    "grad_norm",
    "tokens_per_s",
    "samples_per_s",
    "mfu",
)
EXACT = ("validation_loss", "closed_accuracy", "lr")
AXES = ("step", "time_s", "tokens")
TONES: dict[str, Tone] = {"running": "good", "stopped": "warn", "failed": "bad", "dead": "bad"}
HEADS = ("name", "status", "stage", "step", "eta_s", "loss", "best", "reports")
NUMBERS = {"step", "loss", "best"}
SHOWN_STEPS, SHOWN_RUNS, COMPARED_RUNS = 6, 8, 10


def runs_page(runs: Sequence[Run], *, refresh_s: int | None = None) -> str:
    """The HTML; with `refresh_s` it reads itself again while a run lives."""
    live = any(run.state == "running" for run in runs)
    sections: list[Block] = [overview(runs), Section(both("cli.page_curves"), [explorer(runs)])]
    cards = list(answers(runs))
    if cards:
        lead = both("cli.page_answers_lead")
        sections.append(Section(both("cli.page_answers"), [gallery(cards)], lead=lead))
    compared = [run for run in runs if run.recipe][-COMPARED_RUNS:]
    if len(compared) > 1:
        sections.append(Section(both("cli.page_differences"), [recipe_table(compared)]))
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    foot = both("cli.page_written", time=written)
    return Page(both("cli.page_runs"), sections, foot=foot, refresh_s=refresh_s if live else None).render()


def overview(runs: Sequence[Run]) -> Table:
    """A row for each run."""
    columns = [Column(both(f"cli.column_{head}"), number=head in NUMBERS) for head in HEADS]
    return Table(columns, [overview_row(run) for run in runs], caption=both("cli.table_runs"))


def overview_row(run: Run) -> list[Cell]:
    """How a run stands, how far it is, and where its reports lie."""
    row = run.row()
    reports = [path.relative_to(run.folder).as_posix() for path in sorted(run.folder.glob("**/report.html"))]
    step, total, eta = row["step"], row["total"], row["eta_s"]
    far = None if step is None else f"{step} / {total}" if total else str(step)
    return [
        run.name,
        Badge(both(f"cli.status_{run.state}"), TONES.get(run.state, "plain")),
        None if row["stage"] is None else str(row["stage"]),
        far,
        duration(float(eta)) if isinstance(eta, int | float) else None,
        _value(row["loss"]),
        _value(row["best"]),
        ", ".join(reports) or None,
    ]


def explorer(runs: Sequence[Run]) -> Block:
    """The curves of all runs, those begun last chosen at first."""
    courses = [
        Course(run.name, stage, figure, x, y, offsets)
        for run in runs
        for figure in FIGURES
        for stage, x, y, offsets in run.courses(figure)
    ]
    if not courses:
        return Note(both("cli.page_no_curves"))
    with_curves = [run for run in runs if run.lines]
    latest = sorted(with_curves, key=lambda run: run.folder.stat().st_mtime)[-SHOWN_RUNS:]
    return Explorer(
        courses,
        figures=[(name, both(f"cli.axis_{name}")) for name in FIGURES],
        axes=[(name, both(f"cli.axis_{name}")) for name in AXES],
        stages=sorted({stage for run in with_curves for stage in run.stages()}),
        runs=[run.name for run in with_curves],
        chosen=[run.name for run in latest],
        exact=EXACT,
    )


def answers(runs: Sequence[Run]) -> Iterator[Card]:
    """A card for each fixed sample of each stage of each run, with what was answered as it learned."""
    for run in runs:
        rows = sorted(run.samples, key=lambda row: (row["stage"], row["id"], row["step"]))
        for (_, _), found in groupby(rows, key=lambda row: (row["stage"], row["id"])):
            yield card(run, list(found))


def card(run: Run, rows: list[dict[str, Any]]) -> Card:
    """One sample: its pictures, what is asked and expected, and the answers at some steps."""
    first, lang = rows[0], rows[0]["lang"]
    shown = _spread(rows, SHOWN_STEPS)
    lines = [
        Line(both("cli.page_question"), first["question"], lang=lang),
        Line(both("cli.page_reference"), first["reference"], lang=lang),
        *(Line(both("cli.page_step", step=row["step"]), _said(row), _tone(row), lang) for row in shown),
    ]
    pictures = [_picture(run, name) for name in first["pictures"]]
    facets = {"run": run.name, "stage": stage_name(first), "lang": lang}
    return Card(lines, pictures, title=f"{run.name} · {stage_name(first)}", facets=facets, foot=first["id"])


def gallery(cards: Sequence[Card]) -> Gallery:
    """The cards with a filter for run, stage and language."""
    facets = []
    for key in ("run", "stage", "lang"):
        values = sorted({str(one.facets[key]) for one in cards})
        if len(values) > 1:
            names: list[tuple[str, Words]] = [
                (value, both(f"cli.lang_{value}") if key == "lang" else value) for value in values
            ]
            start = values[-1] if key == "stage" else ""
            facets.append(Facet(key, both(f"cli.column_{key}"), names, start=start))
    return Gallery(cards, facets)


def recipe_table(runs: Sequence[Run]) -> Block:
    """The keys that differ, with the value of every run."""
    found = differences(list(runs))
    if not found:
        return Note(both("cli.page_same"), "good")
    columns = [Column(both("cli.column_key")), *(Column(run.name) for run in runs)]
    rows: list[list[Cell]] = [
        [key, *(None if value is None else str(value) for value in values)] for key, values in found.items()
    ]
    return Table(columns, rows, search=True)


def _picture(run: Run, name: str | None) -> str | None:
    path = run.folder / PICTURES / str(name)
    if name is None or not path.is_file():
        return None
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _spread(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """At most `count` of the rows, evenly, the first and the last among them."""
    if len(rows) <= count:
        return rows
    return [rows[round(at * (len(rows) - 1) / (count - 1))] for at in range(count)]


def _said(row: dict[str, Any]) -> Words:
    return row["answer"] or both("cli.page_silent")


def _tone(row: dict[str, Any]) -> Tone:
    """Green for a closed answer that reads as the sample's own; no judgement of a report is meant."""
    if row["kind"] not in {"closed", "choice"}:
        return "plain"
    return "good" if row["answer"].strip() == row["reference"].strip() else "bad"


def _value(value: object) -> Value | None:
    return Value(value, digits=4) if isinstance(value, float) else None
