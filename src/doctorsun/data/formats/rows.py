"""The rows of a file by its ending: JSON, JSON lines, Parquet."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import JSON_ENDINGS, json_rows
from doctorsun.data.formats.parquet_rows import parquet_rows

ROW_ENDINGS = (*JSON_ENDINGS, ".parquet")
# What tools put beside the rows of a data set, in JSON too.
LEAVE = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "dataset.json", "state.json") + (
    "audit.json", "croissant.json", "config.json", "*_config.json", "package.json",
)  # fmt: skip


def rows_of(path: Path, counts: Counts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its place; what is damaged is counted. DataError where none of it can be used."""
    return parquet_rows(path) if path.suffix.lower() == ".parquet" else json_rows(path, counts)
