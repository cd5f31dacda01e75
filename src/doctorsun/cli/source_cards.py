"""What `sun data sources` shows: a table of all sources and how to get the rest, or one card whole."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from doctorsun.cli.screen import on_terminal, put_json, table
from doctorsun.core.strings import language, say

if TYPE_CHECKING:
    from doctorsun.data.catalog import Listed

UNITS = ("B", "kB", "MB", "GB", "TB")


def show_sources(data: Path | None) -> None:
    """All sources: medical ones, general ones, and readers of one's own files; then how to get the rest."""
    from doctorsun.data.catalog import catalog

    listed = catalog(data)
    if not on_terminal():
        table("cli.table_sources", [_row(source, looked=data is not None) for source in listed])
        return
    kinds = {
        "cli.table_sources": [each for each in listed if not each.reader and not each.card.general],
        "cli.table_general": [each for each in listed if each.card.general],
        "cli.table_readers": [each for each in listed if each.reader],
    }
    for title, several in kinds.items():
        table(title, [_short(source, looked=data is not None) for source in several])
    absent = [each for each in listed if each.place is None and not each.reader and not each.generated]
    console = _console()
    console.print(say("cli.sources_get", number=len(absent)))
    for source in absent:
        sys.stdout.write(f"  {source.card.name}  {source.card.url}\n")
        told = [Text(obtain(source)), *([Text(source.card.size, style="dim")] if source.card.size else [])]
        console.print(Padding(Text("\n").join(told), (0, 0, 0, 6)))
    console.print(say("cli.sources_more"))


def show_source(name: str, data: Path | None) -> None:
    """One card whole, with its options, its notes and how to cite it."""
    from doctorsun.data.catalog import entry

    source = entry(name, data)
    if not on_terminal():
        card = asdict(source.card)
        put_json(
            {
                "event": "cli.source",
                **card,
                **_row(source, looked=data is not None),
                "citation": card["citation"],
            }
        )
        return
    console = _console()
    console.print(Text(f"{source.card.name}: {source.card.title}", style="bold"))
    for label, words in _lines(source, looked=data is not None):
        console.print(Padding(Text(say(f"cli.column_{label}"), style="dim"), (0, 0, 0, 2)))
        console.print(Padding(Text(words), (0, 0, 0, 6)))


def obtain(source: "Listed") -> str:
    """How the files are had, in the user's language where the card tells it."""
    card = source.card
    return card.obtain_zh if language() == "zh" and card.obtain_zh else card.obtain


def amount(size: int) -> str:
    """A number of bytes as people say it: 0 B, 41 MB, 1.2 GB."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < 1000 or unit == UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 10 and unit != UNITS[0] else f"{value:.0f} {unit}"


def _row(source: "Listed", *, looked: bool) -> dict[str, object]:
    """Everything a program may want to know of a source."""
    card = source.card
    here = {
        "found": source.generated or source.place is not None,
        "path": source.place,
        "files": source.files,
        "bytes": source.bytes,
    }
    return {
        "name": card.name,
        "title": card.title,
        "licence": card.licence,
        "languages": card.languages,
        "size": card.size,
        "general": card.general,
        "generated": source.generated,
        "reader": source.reader,
        "test_rows": card.test_rows,
        "patient_groups": card.patient_groups,
        **(here if looked and not source.reader else {}),
        "url": card.url,
        "obtain": obtain(source),
        "options": source.options,
    }


def _short(source: "Listed", *, looked: bool) -> dict[str, object]:
    """What a table of a hundred columns has room for."""
    card = source.card
    row: dict[str, object] = {"name": card.name, "title": card.title, "licence": card.licence}
    row["languages"] = "/".join(card.languages)
    if source.reader:
        return {**row, "options": ", ".join(source.options)}
    row["test_rows"] = say(f"cli.test_rows_{card.test_rows}")
    return {**row, "here": _here(source)} if looked else row


def _here(source: "Listed") -> str | None:
    if source.generated:
        return say("cli.source_generated")
    if source.place is None:
        return None
    return say("cli.source_here", files=f"{source.files:,}", size=amount(source.bytes))


def _lines(source: "Listed", *, looked: bool) -> Iterator[tuple[str, str]]:
    card = source.card
    kind = "reader" if source.reader else "general" if card.general else "medical"
    yield "kind", say(f"cli.source_{kind}")
    yield "licence", card.licence
    yield "languages", ", ".join(card.languages)
    if card.size:
        yield "size", card.size
    if not source.reader:
        yield "test_rows", say(f"cli.test_rows_{card.test_rows}")
        yield "patient_groups", say("cli.said_yes" if card.patient_groups else "cli.said_no")
    if looked and not source.reader:
        where = (
            f"{source.place}  {_here(source)}" if source.place else _here(source) or say("cli.source_absent")
        )
        yield "here", where
    yield "url", card.url
    yield "obtain", obtain(source)
    if source.options:
        yield "options", ", ".join(f"{name}={default!r}" for name, default in source.options.items())
    if card.notes:
        yield "notes", card.notes
    yield "citation", card.citation


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=False)
