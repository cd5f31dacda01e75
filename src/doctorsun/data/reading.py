"""Files of other people's data sets: finding their folders, and tables whose faults cost a clear line."""

import csv
import json
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.counts import Counts

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_WORDS = ("_mask", "masks", "segmentation")
DEPTH = 7
# The second is what macOS adds to archives: the same folders again, with files of no content.
HIDDEN = (".", "__MACOSX")
MIXED = "cp1252"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with the names in it, sorted."""

    path: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]


def folders(root: Path) -> Iterator[Folder]:
    """All folders below `root` and `root` itself, the shallow ones first, hidden ones left out."""
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
    """The bytes of a picture file under a name that tells no place; RecordError where it cannot be read."""
    try:
        return Picture(path.read_bytes(), name)
    except OSError:
        raise RecordError("data.unreadable_picture", where=name) from None


def read_text(path: Path, *, encodings: Sequence[str] = ("utf-8-sig",)) -> str:
    """The text of a file in the first encoding that fits; DataError names those tried.

    Where `MIXED` is the last of them, a byte that is no UTF-8 is read as Windows-1252, each by itself.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    for encoding in (name for name in encodings if name != MIXED):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    if MIXED in encodings and b"\0" not in raw:
        return "".join(map(_mixed, raw.removeprefix(BOM_UTF8).splitlines(keepends=True)))
    raise DataError("data.bad_encoding", where=path.name, expected=", ".join(encodings))


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
    path: Path, columns: Sequence[str], *, encodings: Sequence[str] = ("utf-8-sig",)
) -> list[dict[str, str]]:
    """The rows of a CSV, names and values stripped; DataError where it is no CSV or a column is missing.

    Tabs and semicolons between the columns are read as well.
    """
    text = read_text(path, encodings=encodings)
    comma = max(",\t;", key=text.partition("\n")[0].count)
    try:
        reader = csv.reader(StringIO(text, newline=""), strict=True, delimiter=comma)
        head = [name.strip() for name in next(reader, [])]
        rows = [dict(zip(head, (value.strip() for value in row), strict=False)) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError("data.bad_table", where=path.name, problem=error) from None
    missing = [name for name in columns if name not in head]
    if missing:
        found = ", ".join(name for name in head if name)[:200]
        raise DataError("data.missing_column", where=path.name, column=", ".join(missing), found=found)
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


def read_json(path: Path) -> Any:  # noqa: ANN401 - a JSON tree
    """The tree of a JSON file; DataError where it is none."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError("data.bad_json", where=path.name) from None


def read_json_rows(path: Path) -> list[Mapping[str, Any] | None]:
    """The objects of a JSON list or of JSON lines, null for what is no object; DataError where it is none."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        tree = read_json(path)
        return [row if isinstance(row, dict) else None for row in tree]
    rows: list[Mapping[str, Any] | None] = []
    for line in filter(str.strip, text.splitlines()):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        rows.append(row if isinstance(row, dict) else None)
    if not any(rows):
        raise DataError("data.bad_json", where=path.name)
    return rows
