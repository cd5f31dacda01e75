"""Files of other people's data sets: finding their folders, and text whose faults cost a clear line."""

import csv
import json
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import StringIO
from itertools import count, islice
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Picture
from doctorsun.data.counts import Counts
from doctorsun.data.encoding import KNOWN, decoded, detect, tell
from doctorsun.data.formats.sheet import SHEET_ENDINGS, sheet_cells
from doctorsun.data.pictures import PictureFile

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_WORDS = ("_mask", "masks", "segmentation")
DEPTH = 7
# The second is what macOS adds to archives: the same folders again, with files of no content.
HIDDEN = (".", "__MACOSX")
MIXED = "cp1252"
UTF8 = ("utf-8-sig",)
LARGEST_MIB = 1024


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with the names in it, sorted."""

    path: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]


_walks: ContextVar[dict[Path, tuple[Iterator[Folder], list[Folder]]] | None] = ContextVar(
    "walks", default=None
)


@contextmanager
def walked_once() -> Iterator[None]:
    """Within this block each root is walked once, however many sources look for their folders below it.

    What changes on disk meanwhile is not seen.
    """
    before = _walks.set({})
    try:
        yield
    finally:
        _walks.reset(before)


def folders(root: Path) -> Iterator[Folder]:
    """All folders below `root` and `root` itself, the shallow ones first, hidden ones left out."""
    walks = _walks.get()
    if walks is None:
        yield from _walk(root)
        return
    walk, seen = walks.setdefault(root, (_walk(root), []))
    for at in count():
        if at == len(seen):
            seen.extend(islice(walk, 1))
        if at == len(seen):
            return
        yield seen[at]


def _walk(root: Path) -> Iterator[Folder]:
    level = [root]
    for _ in range(DEPTH):
        below: list[Path] = []
        for path in level:
            try:
                with os.scandir(path) as found:
                    entries = sorted((entry.name, entry.is_dir()) for entry in found)
            except OSError:
                continue
            entries = [(name, is_folder) for name, is_folder in entries if not name.startswith(HIDDEN)]
            inner = tuple(name for name, is_folder in entries if is_folder)
            yield Folder(path, inner, tuple(name for name, is_folder in entries if not is_folder))
            below += [path / name for name in inner]
        level = below


def first_folder(root: Path, fits: Callable[[Folder], bool]) -> Path | None:
    """The first folder below `root` (or `root`) that fits, null where there is none."""
    return next((folder.path for folder in folders(root) if fits(folder)), None)


def subfolder(place: Path, *names: str) -> Path | None:
    """The folder in `place` with one of these names, whatever its capitals."""
    wanted = {name.lower() for name in names}
    if not place.is_dir():
        return None
    return next(
        (path for path in sorted(place.iterdir()) if path.is_dir() and path.name.lower() in wanted), None
    )


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return name.lower().endswith(PICTURE_ENDINGS) and not name.startswith(".")


def pictures_in(place: Path) -> list[Path]:
    """The picture files of one folder, sorted; a link that leads nowhere is one that cannot be read."""
    return sorted(path for path in place.iterdir() if is_picture(path.name) and not path.is_dir())


def pictures_below(place: Path) -> dict[str, Path]:
    """The picture files of a folder and all folders in it, by their name without its ending; no masks."""
    found = (path for path in sorted(place.rglob("*")) if is_picture(path.name) and not path.is_dir())
    return {path.stem: path for path in found if not any(map(is_mask, path.relative_to(place).parts))}


def is_mask(name: str) -> bool:
    """Whether a file or a folder is named as a drawing of where something lies in a picture."""
    return any(word in name.lower() for word in MASK_WORDS)


def read_picture(path: Path, name: str) -> Picture:
    """A picture file under a name that tells no place; RecordError where there is none.

    Its bytes are read when they are asked for: that falls to the workers that check it.
    """
    return PictureFile(path, name)


def read_text(path: Path, *, encodings: Sequence[str] = UTF8, counts: Counts | None = None) -> str:
    """The text of a file in the first encoding that fits; DataError names those tried.

    Where `MIXED` is the last of them, a byte that is no UTF-8 is read as Windows-1252, each by itself. With
    `counts`, and no `MIXED`, the encoding is detected, and told there with the file's name.
    """
    raw = _read_bytes(path)
    if counts is not None and MIXED not in encodings:
        return _detected(raw, path, counts)
    for encoding in (name for name in encodings if name != MIXED):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    if MIXED in encodings and b"\0" not in raw:
        return "".join(map(_mixed, raw.removeprefix(BOM_UTF8).splitlines(keepends=True)))
    raise DataError("data.bad_encoding", where=path.name, expected=", ".join(encodings))


def _detected(raw: bytes, path: Path, counts: Counts) -> str:
    found = detect(raw)
    if found is None:
        raise DataError("data.bad_encoding", where=path.name, expected=", ".join(KNOWN))
    tell(found, path.name, counts)
    return decoded(raw, found)


def _read_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_MIB * 2**20:
            found = size // 2**20
            raise DataError("data.file_too_large", where=path.name, found=found, limit=LARGEST_MIB)
        return path.read_bytes()
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None


def _mixed(line: bytes) -> str:
    """A line of UTF-8 in which bytes of Windows-1252 are strewn."""
    read = ""
    while True:
        try:
            return read + line.decode("utf-8")
        except UnicodeDecodeError as error:
            stray = line[error.start : error.start + 1].decode("cp1252", "replace")
            read += line[: error.start].decode("utf-8") + stray
            line = line[error.start + 1 :]


def read_rows(
    path: Path, columns: Sequence[str], *, encodings: Sequence[str] = UTF8, counts: Counts | None = None
) -> list[dict[str, str]]:
    """The rows of a CSV, names and values stripped; DataError where it is no CSV or a column is missing.

    Tabs and semicolons between the columns are read as well. With `counts` the encoding is detected and told
    there, and a row whose quotes do not fit costs only itself.
    """
    text = read_text(path, encodings=encodings, counts=counts)
    comma = max(",\t;", key=text.partition("\n")[0].count)
    cells = csv.reader(StringIO(text, newline=""), strict=True, delimiter=comma)
    return _named(_fitting(cells, path, counts), columns, path.name)


def read_sheet(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of the first sheet of an XLSX that holds any, as `read_rows` gives them.

    DataError where it is no XLSX, is larger unpacked than is safe, or lacks a column. Dates are ISO 8601,
    whole numbers have no point, a formula is what it last gave.
    """
    return _named(filter(None, sheet_cells(path)), columns, path.name)


def read_table(path: Path, columns: Sequence[str] = (), *, counts: Counts) -> list[dict[str, str]]:
    """The rows of a CSV or an XLSX, whichever the ending says, in any encoding, which is told."""
    if path.suffix.lower() in SHEET_ENDINGS:
        return read_sheet(path, columns)
    return read_rows(path, columns, counts=counts)


def _fitting(cells: Iterator[list[str]], path: Path, counts: Counts | None) -> Iterator[list[str]]:
    """The rows that can be read; without `counts` a DataError at the first that cannot."""
    for at in count(1):
        try:
            row = next(cells, None)
        except csv.Error as error:
            if counts is None:
                raise DataError("data.bad_table", where=path.name, problem=error) from None
            counts.drop("data.bad_table_row", f"{path.name}/{at}")
            continue
        if row is None:
            return
        yield row


def _named(cells: Iterator[list[str]], columns: Sequence[str], name: str) -> list[dict[str, str]]:
    head = [cell.strip() for cell in next(cells, [])]
    rows = [dict(zip(head, (value.strip() for value in row), strict=False)) for row in cells if any(row)]
    missing = [column for column in columns if column not in head]
    if missing:
        found = ", ".join(column for column in head if column)[:200]
        raise DataError("data.missing_column", where=name, column=", ".join(missing), found=found)
    return [{**dict.fromkeys(columns, ""), **row} for row in rows]


def with_columns(
    rows: Sequence[dict[str, str]], optional: Sequence[str], counts: Counts
) -> Iterator[dict[str, str]]:
    """The rows with an empty value in each optional column that the table lacks, which is counted."""
    for name in optional:
        if rows and not any(name in row for row in rows):
            counts.note("data.column_absent", name)
    for row in rows:
        yield {**dict.fromkeys(optional, ""), **row}


def read_json(path: Path, *, counts: Counts | None = None) -> Any:  # noqa: ANN401 - a JSON tree
    """The tree of a JSON file; DataError where it is none. With `counts` in any encoding, which is told."""
    return _tree(read_text(path, counts=counts), path)


def _tree(text: str, path: Path) -> Any:  # noqa: ANN401 - a JSON tree
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError("data.bad_json", where=path.name) from None


def read_json_rows(path: Path, *, counts: Counts | None = None) -> list[Mapping[str, Any] | None]:
    """The objects of a JSON list or of JSON lines, null for what is no object; DataError where it is none.

    With `counts` in any encoding, which is told there. Files of millions of rows: `formats.json_rows`.
    """
    text = read_text(path, counts=counts)
    if text.lstrip().startswith("["):
        return [row if isinstance(row, dict) else None for row in _tree(text, path)]
    rows: list[Mapping[str, Any] | None] = []
    for line in filter(str.strip, text.split("\n")):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        rows.append(row if isinstance(row, dict) else None)
    if not any(rows):
        raise DataError("data.bad_json", where=path.name)
    return rows
