"""What a command prints: sentences and tables on a terminal, JSON lines in a pipe."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from doctorsun.cli.progress import settle
from doctorsun.core.strings import say

Row = Mapping[str, object]
SHORT = 16
PAD = (0, 1, 0, 0)


def on_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def line(key: str, /, **values: object) -> None:
    """Print the sentence `key`, or in a pipe one JSON object with its values."""
    settle()
    if on_terminal():
        sys.stdout.write(say(key, **values) + "\n")
    else:
        put_json({"event": key, "text": say(key, **values), **values})


def table(key: str, rows: Sequence[Row]) -> None:
    """Print rows under the title `key`; column `name` has the head `cli.column_name`."""
    settle()
    if not on_terminal():
        for row in rows:
            put_json({"event": key, **row})
        return
    if not rows:
        return
    grid = Table(title=say(key), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=PAD)
    for name in rows[0]:
        number = all(isinstance(row[name], int | float | None) for row in rows)
        short = all(len(cell(row[name])) <= SHORT for row in rows)
        grid.add_column(
            say(f"cli.column_{name}"), justify="right" if number else "left", overflow="fold", no_wrap=short
        )
    for row in rows:
        grid.add_row(*(cell(value) for value in row.values()))
    Console(file=sys.stdout, highlight=False, markup=False).print(grid)


def cell(value: object) -> str:
    """A value as a table shows it: three decimals, a dash for what is absent or not so."""
    if value is None or value is False:
        return "-"
    if value is True:
        return "✓"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def show(pieces: Iterable[str]) -> None:
    """Print an answer as it comes; one that is empty is said to be so."""
    empty = True
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
        empty = empty and not piece.strip()
    sys.stdout.write(f"{say('cli.empty_answer')}\n" if empty else "\n")


def put_json(row: Row) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
