"""`sun runs`: how all runs stand, a page with their curves and answers; `sun runs stop NAME` stops one."""

import time
from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.places import RUNS
from doctorsun.cli.screen import line, table
from doctorsun.core.errors import ConfigError, StorageError
from doctorsun.core.files import write_whole

app = typer.Typer(add_completion=False, rich_markup_mode=None)
STOP, PAGE = "stop", "index.html"
REFRESH_S = 5


@app.command(cls=Verb, help="cli.verb_runs")
def runs(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="DIR | stop NAME", help="cli.word_runs")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="cli.option_watch")] = False,
) -> None:
    """Show the runs below a folder and write their page, or ask one run to save and stop."""
    words = words or [str(RUNS)]
    if words[0] == STOP:
        _stop(words[1:])
        return
    if len(words) > 1:
        raise ConfigError("cli.extra_words", where="sun runs", found=" ".join(words[1:]))
    folder = Path(words[0])
    _show(folder, refreshing=watch)
    if watch:
        line("cli.runs_watching", seconds=REFRESH_S)
    while watch:
        time.sleep(REFRESH_S)
        if not _write(folder):
            line("cli.runs_quiet")
            return


def _show(folder: Path, *, refreshing: bool) -> None:
    from doctorsun.cli.run_records import runs_below

    found = runs_below(folder)
    if not found:
        raise StorageError("cli.no_runs", where=folder)
    table("cli.table_runs", [run.row() for run in found])
    _write(folder, refreshing=refreshing)
    line("cli.runs_end", where=folder / PAGE)


def _write(folder: Path, *, refreshing: bool = True) -> bool:
    """Write the page; whether a run lives, so that it will change."""
    from doctorsun.cli.run_records import runs_below
    from doctorsun.cli.runs_page import runs_page

    found = runs_below(folder)
    write_whole(folder / PAGE, runs_page(found, refresh_s=REFRESH_S if refreshing else None))
    return any(run.state == "running" for run in found)


def _stop(names: list[str]) -> None:
    from doctorsun.cli.background import stop

    if len(names) != 1:
        raise ConfigError("cli.missing_word", where="sun runs stop", name="NAME")
    place = Path(names[0])
    folder = place if (place / "status.json").is_file() else RUNS / names[0]
    state, step, total = stop(folder)
    key = "cli.runs_stopped" if state == "stopped" else "cli.runs_ended"
    line(key, where=folder, state=state, step=step, total=total)
