"""The rows of a Parquet file, a few at a time; pictures lie in its cells."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import DataError

BATCH_ROWS = 16
# What a group of rows may unpack to, and how many times its size on disk beyond the first MiB.
GROUP_MIB, RATIO = 4096, 2000
# The first are raised of a file that is no Parquet or damaged, the last of names that are no UTF-8.
FAULTS = (pa.ArrowException, OSError, UnicodeDecodeError)


def parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its place (`file/number`); DataError where it cannot be read or unpacks to too much."""
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _guard(path, file.metadata)
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    yield f"{path.name}/{number}", row
                    number += 1
    except FAULTS:
        raise DataError("data.unreadable_file", where=path.name) from None


def _guard(path: Path, about: pq.FileMetaData) -> None:
    size = path.stat().st_size
    for at in range(about.num_row_groups):
        unpacked = about.row_group(at).total_byte_size
        if unpacked > GROUP_MIB * 2**20 or unpacked - 2**20 > RATIO * size:
            raise DataError("data.file_too_large", where=path.name, found=unpacked // 2**20, limit=GROUP_MIB)
