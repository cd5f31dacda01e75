"""Reports as a hospital's systems export them: CSV, XLSX, JSON, JSON lines, or a text file each."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from pathlib import Path

from doctorsun.core.errors import ConfigError, DataError
from doctorsun.data.counts import Counts
from doctorsun.data.encoding import KNOWN, decoded, detect
from doctorsun.data.formats.sheet import SHEET_ENDINGS, sheet_cells
from doctorsun.data.hospital.mapping import Columns, Reports, check_columns, inside

LARGEST_MIB = 256
TEXT_ENDINGS = (".txt",)
JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
# Exports begin with titles, the name of the hospital, the day of the export.
LINES_ABOVE = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One report as it came. `place` names the table by its number and the row by its line, and no patient.

    `path` is the file below the hospital's folder where the report is a file of its own.
    """

    place: str
    table: Reports
    cells: Mapping[str, str] = field(repr=False)
    path: str = field(default="", repr=False)

    def all_of(self, role: str) -> tuple[str, ...]:
        """Every filled cell of a role, in the order of the mapping."""
        names = getattr(self.table.columns, role)
        return tuple(value for name in names if (value := self.cells.get(name, "").strip()))

    def one(self, role: str) -> str:
        """The first filled cell of a role, "" where there is none."""
        return next(iter(self.all_of(role)), "")


def rows_of(place: Path, table: Reports, number: int, counts: Counts, bad: list[str]) -> Iterator[Row]:
    """The rows of a table (or of all files of a pattern); DataError or ConfigError where it is unusable.

    `bad` takes the places of rows that do not fit the head, which are counted, too.
    """
    for path, named in _files(place, table, number):
        if path.suffix.lower() in TEXT_ENDINGS:
            text = _text(path, table, named, counts)
            yield Row(named, table, {"text": text}, path.relative_to(place).as_posix())
        else:
            yield from _table(path, table, named, counts, bad)


def check_tables(place: Path, tables: Sequence[Reports]) -> None:
    """Raise, before any long work, what `rows_of` would raise of a table that is not there or its head."""
    for number, table in enumerate(tables):
        for path, named in _files(place, table, number):
            if path.suffix.lower() not in TEXT_ENDINGS:
                next(_table(path, table, named, Counts(), []), None)


def _files(place: Path, table: Reports, number: int) -> list[tuple[Path, str]]:
    """The files of a table, each with the place that names it; ConfigError where there is none."""
    inside(place, table.file, where=f"reports.{number}.file")
    paths = sorted(path for path in place.glob(table.file) if path.is_file() and not path.is_symlink())
    if not paths:
        raise ConfigError("data.hospital_no_file", where=f"reports.{number}.file", found=table.file)
    single = len(paths) == 1
    return [(path, f"reports.{number}" + ("" if single else f".{at}")) for at, path in enumerate(paths, 1)]


def _table(path: Path, table: Reports, named: str, counts: Counts, bad: list[str]) -> Iterator[Row]:
    if path.suffix.lower() in JSON_ENDINGS:
        yield from _objects(path, table, named, counts, bad)
        return
    sheet = path.suffix.lower() in SHEET_ENDINGS
    cells_of = sheet_cells(path) if sheet else _cells(_text(path, table, named, counts))
    lines = ((number, line) for number, line in enumerate(cells_of, start=1) if any(map(str.strip, line)))
    try:
        head = _head(lines, table.columns)
        if not head:
            raise DataError("data.hospital_no_reports", where=named, found=table.file)
        check_columns(head, table.columns, where=table.file)
        for number, line in lines:
            cells = _trimmed(line, len(head))
            if sheet:
                # A sheet has no cells where a row ends with empty ones.
                cells += [""] * (len(head) - len(cells))
            if len(cells) != len(head):
                counts.drop("data.bad_row", f"{named}:{number}")
                bad.append(f"{named}:{number}")
            else:
                yield Row(f"{named}:{number}", table, dict(zip(head, cells, strict=True)))
    except csv.Error:
        raise DataError("data.bad_table", where=table.file, problem="csv") from None


def _head(lines: Iterator[tuple[int, list[str]]], columns: Columns) -> list[str]:
    """The first line that has all columns that are told, else the one that has most; [] of no line."""
    names = {name for several in columns.named().values() for name in several}
    best: list[str] = []
    for _, line in islice(lines, LINES_ABOVE):
        cells = _trimmed(line, 0)
        if names <= {*cells}:
            return cells
        if not best or len(names & {*cells}) > len(names & {*best}):
            best = cells
    return best


def _trimmed(line: Sequence[str], length: int) -> list[str]:
    """The cells of a line without the empty ones at its end that are beyond `length`."""
    cells = [cell.strip() for cell in line]
    while len(cells) > length and not cells[-1]:
        cells.pop()
    return cells


def _cells(text: str) -> Iterator[list[str]]:
    comma = max(",\t;|", key=text.partition("\n")[0].count)
    csv.field_size_limit(LARGEST_MIB * 2**20)
    yield from csv.reader(StringIO(text, newline=""), delimiter=comma)


def _objects(path: Path, table: Reports, named: str, counts: Counts, bad: list[str]) -> Iterator[Row]:
    """The rows of a JSON list, of an object that holds one list, or of JSON lines."""
    head: set[str] = set()
    rows = list(_rows(_text(path, table, named, counts), table.file))
    for row in rows:
        head |= set(row or ())
    check_columns(sorted(head), table.columns, where=table.file)
    for number, row in enumerate(rows, start=1):
        if row is None:
            counts.drop("data.bad_row", f"{named}:{number}")
            bad.append(f"{named}:{number}")
            continue
        cells = {name: _word(value) for name, value in row.items()}
        yield Row(f"{named}:{number}", table, cells)


def _rows(text: str, name: str) -> Iterator[dict[str, object] | None]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = [_parsed(line) for line in text.splitlines() if line.strip()]
        if not any(tree):
            raise DataError("data.bad_json", where=name) from None
    if isinstance(tree, dict):
        lists = [value for value in tree.values() if isinstance(value, list)]
        tree = lists[0] if len(lists) == 1 else [tree]
    for row in tree if isinstance(tree, list) else []:
        yield row if isinstance(row, dict) else None


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _word(value: object) -> str:
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "\n".join(map(_word, value))
    # JSON can say half of a character, which no file can hold.
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _text(path: Path, table: Reports, named: str, counts: Counts) -> str:
    """The text of a file in the encoding that was detected, which is told with the number of the table.

    An error names the file as the mapping does; of several it gives the number, as names may be a patient's.
    """
    where = table.file if "*" not in table.file else f"{table.file} ({named})"
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= LARGEST_MIB * 2**20 else b""
    except OSError:
        raise DataError("data.unreadable_file", where=where) from None
    if size > LARGEST_MIB * 2**20:
        raise DataError("data.file_too_large", where=where, found=size >> 20, limit=LARGEST_MIB)
    found = detect(raw)
    if found is None:
        raise DataError("data.bad_encoding", where=where, expected=", ".join(KNOWN))
    family = found.name.removesuffix("-le").removesuffix("-be").replace("-", "_")
    counts.note(f"data.encoding_{family}", named)
    return decoded(raw, found)
