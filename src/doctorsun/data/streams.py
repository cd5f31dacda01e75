"""Rows of tables of any length, one at a time: CSV, text with a mark between the fields, Parquet."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import DataError

Row = Mapping[str, Any]
BATCH_ROWS = 16


def csv_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV, names and values stripped; DataError where a column is missing."""
    with _opened(path, newline="") as file:
        try:
            reader = csv.reader(file)
            head = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in head]
            if missing:
                found = ", ".join(name for name in head if name)[:200]
                raise DataError(
                    "data.missing_column", where=path.name, column=", ".join(missing), found=found
                )
            for row in reader:
                if any(row):
                    values = (value.strip() for value in row)
                    yield {**dict.fromkeys(head, ""), **dict(zip(head, values, strict=False))}
        except csv.Error as error:
            raise DataError("data.bad_table", where=path.name, problem=error) from None


def columns_of(path: Path) -> tuple[str, ...]:
    """The names in the first line of a CSV; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return tuple(name.strip() for name in next(csv.reader([file.readline()]), []))
    except (OSError, csv.Error):
        return ()


def split_rows(path: Path, fields: Sequence[str], *, mark: str = "|") -> Iterator[dict[str, str] | None]:
    """The lines of a text whose fields a mark divides; null where a line has another number of fields."""
    with _opened(path) as file:
        for line in file:
            if line.strip():
                values = [value.strip() for value in line.split(mark)]
                yield dict(zip(fields, values, strict=True)) if len(values) == len(fields) else None


def parquet_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a Parquet file; an `optional` column may be missing; DataError where it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            known = file.schema_arrow.names
            missing = [name for name in columns if name not in known]
            if missing:
                found = ", ".join(known)[:200]
                raise DataError(
                    "data.missing_column", where=path.name, column=", ".join(missing), found=found
                )
            wanted = [*columns, *(name for name in optional if name in known)]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError):
        raise DataError("data.unreadable_file", where=path.name) from None


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file; none where it cannot be read."""
    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return ()


@contextmanager
def _opened(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """The text of a file in UTF-8; DataError where it cannot be read or is in another encoding."""
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            yield file
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    except UnicodeDecodeError:
        raise DataError("data.bad_encoding", where=path.name, expected="utf-8") from None
