"""Tables and texts cleaned row by row: CSV, TSV, JSONL, TXT. A row's own columns tell what to look for in it.

Read as UTF-8 (with or without mark), UTF-16 or GB18030, in this order; written as UTF-8. A column of no known
name is cleaned as free text. A row that fits no column is counted by its reason and left out.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Literal

from doctorsun.core.errors import DataError, RecordError, StorageError
from doctorsun.core.files import storage_errors, write_whole
from doctorsun.privacy.key import Key
from doctorsun.privacy.text import Cleaned, Known, TextCleaner
from doctorsun.privacy.text.cleaner import MAX_CHARACTERS, TOKENS
from doctorsun.privacy.text.dates import parse
from doctorsun.privacy.text.folding import HANZI, fold
from doctorsun.privacy.text.lexicon import headers

Role = Literal[
    "name",
    "patient",
    "id",
    "phone",
    "address",
    "birth",
    "date",
    "hospital",
    "doctor",
    "other",
    "department",
    "age",
    "text",
    "keep",
]
MAX_BYTES = 256 * 2**20
EXAMPLES = 5
MOST_SEEN = 500
_FIELDS = {
    "name": "names",
    "patient": "ids",
    "id": "ids",
    "birth": "dates",
    "phone": "phones",
    "address": "addresses",
    "date": "dates",
    "hospital": "hospitals",
    "doctor": "doctors",
    "other": "other",
}
_OLD = 89
_AGE = re.compile(
    r"(\d{1,3})\s*(岁|周岁|月|个月|天|日|周|y|yo|yr|yrs|years?|m|months?|d|days?|w|weeks?)?(?:\s*\d{1,2}\s*(?:个?月|天|m|d))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TableConfig:
    """What columns hold, where their names do not tell.

    `patient` is the column whose dates move together; else the first one whose role is patient, id or name.
    """

    roles: Mapping[str, Role] = field(default_factory=dict)
    patient: str | None = None
    dates: Literal["shift", "remove"] = "shift"


@dataclass(slots=True)
class TableCounts:
    """What became of the rows: written, left out by reason (with the first row numbers), removals by kind.

    `unknown` are columns of no known name; `known` the identifying values of all rows, for a scan of what is
    written.
    """

    encoding: str
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[int]] = field(default_factory=dict)
    removed: Counter[str] = field(default_factory=Counter)
    roles: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def leave_out(self, reason: str, row: int) -> None:
        """Count a row that is not written."""
        self.left_out[reason] += 1
        self.places.setdefault(reason, [])
        if len(self.places[reason]) < EXAMPLES:
            self.places[reason].append(row)


@dataclass(frozen=True, slots=True)
class Cell:
    """One text of a table in which something was found, before and after."""

    row: int
    column: str
    before: str
    cleaned: Cleaned


def clean_table(
    source: Path,
    out: Path,
    *,
    key: Key,
    columns: TableConfig | None = None,
    may_write: Callable[[str, TableCounts], bool] = lambda _text, _counts: True,
) -> TableCounts:
    """What became of the rows of a CSV, TSV, JSONL or TXT file, written clean to `out`; DataError.

    `may_write` is asked with the clean text and the counts before anything is written.
    """
    if out.resolve() == source.resolve():
        raise StorageError("privacy.table_same", path=out)
    clean, rows = _cleaned(source, key, columns)
    if may_write(clean, rows.counts):
        write_whole(out, clean)
    return rows.counts


def cells_of(source: Path, *, key: Key, columns: TableConfig | None = None) -> list[Cell]:
    """Every text of a file in which something was found, before and after; nothing is written."""
    return _cleaned(source, key, columns)[1].seen


def _cleaned(source: Path, key: Key, columns: TableConfig | None) -> "tuple[str, _Rows]":
    """The clean text of a file, and what was counted on the way."""
    kinds: dict[str, Callable[[str, _Rows], str]] = {
        ".csv": _csv,
        ".tsv": _csv,
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".txt": _txt,
    }
    if source.suffix.lower() not in kinds:
        raise DataError("privacy.table_kind", path=source)
    text, encoding = read_text(source)
    rows = _Rows(source, key, columns or TableConfig(), TableCounts(encoding))
    return kinds[source.suffix.lower()](text, rows), rows


def read_text(path: Path) -> tuple[str, str]:
    """A file's text and the name of its encoding; DataError where it is none of the three."""
    with storage_errors(path):
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError("privacy.table_too_large", path=path, found=size >> 20, limit=MAX_BYTES >> 20)
        raw = path.read_bytes()
    for encoding in _encodings(raw):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise DataError("privacy.table_encoding", path=path)


def clean_name(name: str, *, cleaner: TextCleaner) -> str:
    """The name of a file without identifiers: `张三丰_CT_123456.dcm` becomes `姓名_CT_ID-7K2MXXQ4AB.dcm`."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not re.fullmatch("[A-Za-z0-9]{1,5}", ending):
        stem, dot, ending = name, "", ""
    parts = re.split("([_ ])", stem)
    if re.fullmatch(f"[{HANZI}]{{2,4}}", parts[0]):
        labelled = cleaner.clean(f"姓名:{parts[0]}").text
        parts[0] = labelled.partition(":")[2]
    cleaned = cleaner.clean("".join(parts)).text
    return re.sub(r"\[([^\[\]]+)\]", r"\1", cleaned) + dot + ending


def _encodings(raw: bytes) -> list[str]:
    if raw.startswith(b"\xef\xbb\xbf"):
        return ["utf-8-sig"]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    head = raw[:4096]
    if head.count(0) > len(head) // 5:
        return ["utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"]
    return ["utf-8", "gb18030"]


class _Rows:
    """Cleans the cells of one row after another."""

    def __init__(self, source: Path, key: Key, columns: TableConfig, counts: TableCounts) -> None:
        self.source, self.key, self.columns, self.counts = source, key, columns, counts
        self.seen: list[Cell] = []

    def see(self, row: int, column: str, before: str, cleaned: Cleaned) -> None:
        """Count what was found in a text, and keep the first texts for a person to look at."""
        self.counts.removed.update(span.kind for span in cleaned.spans)
        if cleaned.spans and len(self.seen) < MOST_SEEN:
            self.seen.append(Cell(row, column, before, cleaned))

    def role(self, column: str) -> str:
        """What a column holds."""
        plain = re.sub(r"[\s_\-./()#:*]", "", fold(column).text).lower()
        role = self.columns.roles.get(column) or headers().get(plain)
        if role is None:
            self.counts.unknown.add(column)
            role = "text"
        self.counts.roles[column] = role
        return role

    def cleaner(self, cells: list[tuple[str, str]]) -> TextCleaner:
        """The cleaner of a row that knows its own cells."""
        known: dict[str, list[str]] = {name: [] for name in _FIELDS.values()}
        by_role: dict[str, str] = {}
        for column, value in cells:
            role = self.role(column)
            if role in _FIELDS and value.strip():
                known[_FIELDS[role]].append(value.strip())
                by_role.setdefault(role, value.strip())
                if role in {"name", "patient", "id", "phone"}:
                    self.counts.known.add(value.strip())
        named = dict(cells).get(self.columns.patient or "", "").strip()
        patient = named or next((by_role[role] for role in ("patient", "id", "name") if role in by_role), "")
        fields = {name: tuple(values) for name, values in known.items()}
        return TextCleaner(self.key, known=Known(**fields, patient=patient), dates=self.columns.dates)

    def clean(self, cells: list[tuple[str, str]], *, row: int) -> list[str]:
        """The clean cells of a row."""
        cleaner = self.cleaner(cells)
        return [self.cell(column, value, cleaner, row=row) for column, value in cells]

    def cell(self, column: str, value: str, cleaner: TextCleaner, *, row: int) -> str:
        """The clean text of one cell."""
        role = self.role(column)
        if role == "keep" or not value.strip():
            return value
        if role == "age":
            return _age(value)
        if role in {"text", "date"}:
            cleaned = cleaner.clean(value, where=f"{self.source.name}:{row}")
            self.see(row, column, value, cleaned)
            if role == "text" or parse(fold(value).text) or cleaned.spans:
                return cleaned.text
        self.counts.removed[role] += 1
        if role == "birth":
            return ""
        if role in {"patient", "id"}:
            return cleaner.pseudonym(value)
        return f"[{TOKENS[role][0 if re.search(f'[{HANZI}]', column + value) else 1]}]"


def _age(value: str) -> str:
    """An age as it is, capped; what is no age alone goes, as a name can stand beside it."""
    found = _AGE.fullmatch(fold(value).text.strip())
    if found is None:
        return ""
    in_years = not found[2] or found[2].lower() in {"岁", "周岁", "y", "yo", "yr", "yrs", "year", "years"}
    return "90+" if in_years and int(found[1]) > _OLD else value


def _csv(text: str, rows: _Rows) -> str:
    first = text.partition("\n")[0]
    delimiter = max("\t,;|", key=first.count)
    csv.field_size_limit(MAX_CHARACTERS * 4)
    written = StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator="\n")
    lines = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    header = next(lines, [])
    if not _known_header(header, rows):
        raise DataError("privacy.table_no_header", path=rows.source)
    writer.writerow(header)
    for number, line in enumerate(lines, start=2):
        if reason := _odd(line, header):
            rows.counts.leave_out(reason, number)
            continue
        try:
            clean = rows.clean(list(zip(header, line, strict=True)), row=number)
        except RecordError:
            rows.counts.leave_out("too_long", number)
            continue
        except UnicodeEncodeError:
            rows.counts.leave_out("no_text", number)
            continue
        rows.counts.rows += 1
        writer.writerow(clean)
    return written.getvalue()


def _known_header(header: list[str], rows: _Rows) -> bool:
    names = [re.sub(r"[\s_\-./()#:*]", "", fold(name).text).lower() for name in header]
    return any(name in headers() for name in names) or bool(set(header) & set(rows.columns.roles))


def _odd(line: list[str], header: list[str]) -> str:
    if not any(cell.strip() for cell in line):
        return "blank"
    return "" if len(line) == len(header) else "cells"


def _jsonl(text: str, rows: _Rows) -> str:
    written = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        found = _object(line)
        if isinstance(found, str):
            rows.counts.leave_out(found, number)
            continue
        cleaner = rows.cleaner(list(_leaves(found)))
        try:
            clean = _walk(found, "", cleaner, rows, number)
        except RecordError:
            rows.counts.leave_out("too_long", number)
            continue
        rows.counts.rows += 1
        written.append(json.dumps(clean, ensure_ascii=False) + "\n")
    return "".join(written)


def _object(line: str) -> dict[str, object] | str:
    """The object of a line, else the reason why there is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "no_json"
    return found if isinstance(found, dict) else "no_object"


def _leaves(found: object, column: str = "") -> Iterator[tuple[str, str]]:
    """Every text and number with the name it stands under."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _leaves(inner, name)
    elif isinstance(found, list):
        for inner in found:
            yield from _leaves(inner, column)
    elif found is not None and not isinstance(found, bool):
        yield column, str(found)


def _walk(found: object, column: str, cleaner: TextCleaner, rows: _Rows, row: int) -> object:
    """The same JSON value with clean texts; numbers stay where their name says nothing of a person."""
    if isinstance(found, dict):
        return {name: _walk(inner, name, cleaner, rows, row) for name, inner in found.items()}
    if isinstance(found, list):
        return [_walk(inner, column, cleaner, rows, row) for inner in found]
    number = not isinstance(found, str) and rows.role(column) in {"text", "keep"}
    if found is None or isinstance(found, bool) or number:
        return found
    cleaned = rows.cell(column, str(found), cleaner, row=row)
    return found if cleaned == str(found) else cleaned


def _txt(text: str, rows: _Rows) -> str:
    cleaned = TextCleaner(rows.key, dates=rows.columns.dates).clean(text, where=rows.source.name)
    rows.see(1, "", text, cleaned)
    rows.counts.rows = 1
    return cleaned.text
