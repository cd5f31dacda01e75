"""`sun runs`: a table of all runs, and one page with the curves of all of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import RUNS
from doctorsun.cli.screen import line, table
from doctorsun.core.errors import StorageError
from doctorsun.core.files import write_whole

app = typer.Typer(add_completion=False, rich_markup_mode=None)
CURVES = ("loss", "validation_loss", "lr", "grad_norm")


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder and the lines of its metrics."""

    folder: Path
    lines: list[dict[str, Any]]

    def row(self) -> dict[str, object]:
        """What the table shows of a run."""
        last: dict[str, Any] = next((row for row in reversed(self.lines) if "loss" in row), {})
        return {
            "name": self.folder.name,
            "stage": stage_name(last) if last else None,
            "step": last.get("step"),
            "loss": last.get("loss"),
            "model": (self.folder / "model" / "config.json").is_file(),
        }


@app.command(cls=Verb, help="cli.verb_runs")
def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="cli.word_runs")] = RUNS,
) -> None:
    """Show the runs below a folder, and write the page with their curves."""
    found = [Run(path.parent, list(read_lines(path))) for path in sorted(folder.glob("*/metrics.jsonl"))]
    if not found:
        raise StorageError("cli.no_runs", where=folder)
    table("cli.table_runs", [run.row() for run in found])
    page = folder / "index.html"
    write_whole(page, curves_page(found))
    line("cli.runs_end", where=page)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a `metrics.jsonl`; a last line that is still being written is left out."""
    for text in path.read_text(encoding="utf-8").splitlines():
        if text.endswith("}"):
            yield json.loads(text)


def curves_page(found: list[Run]) -> str:
    """The page: for each stage of each figure, one drawing with all runs that have it."""
    from doctorsun.core.page import Column, Page, Section, Table, both

    heads = ("name", "stage", "step", "loss", "reports")
    columns = [Column(both(f"cli.column_{head}"), number=head in {"step", "loss"}) for head in heads]
    overview = Table(columns, [page_row(run) for run in found], caption=both("cli.table_runs"))
    stages = sorted({stage_name(row) for run in found for row in run.lines})
    sections = [Section(both("cli.page_stage", stage=stage), drawings(found, stage)) for stage in stages]
    return Page(both("cli.page_runs"), [overview, *sections]).render()


def page_row(run: Run) -> list[Any]:
    """What the page's table shows of a run: how far it is, and where its reports lie."""
    from doctorsun.core.page import Value

    row = run.row()
    reports = [path.relative_to(run.folder).as_posix() for path in sorted(run.folder.glob("**/report.html"))]
    loss = Value(row["loss"]) if isinstance(row["loss"], float) else None
    return [row["name"], row["stage"], row["step"], loss, ", ".join(reports) or None]


def stage_name(row: dict[str, Any]) -> str:
    """The number and the name of the stage that a line belongs to."""
    return f"{row.get('stage', '')} {row.get('name', '')}".strip()


def drawings(found: list[Run], stage: str) -> list[Any]:
    """The curves of one stage."""
    from doctorsun.core.page import Axis, Curves, Series, both

    blocks = []
    for name in CURVES:
        series = []
        for run in found:
            rows = [row for row in run.lines if stage_name(row) == stage and name in row]
            points = [(float(row["step"]), float(row[name])) for row in rows if row[name] is not None]
            series += [Series(run.folder.name, points)] if points else []
        if series:
            x, y = Axis(both("cli.axis_step")), Axis(both(f"cli.axis_{name}"))
            blocks.append(Curves(both(f"cli.axis_{name}"), series, x, y))
    return blocks
