"""Parquet shards: Samples as rows that `datasets` reads, each picture stored once a row group."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Sample, sample_to_row

ROWS_A_GROUP = 4096
GROUP_BYTES = 64 * 2**20
EXPANDED_BYTES = 2**30
PICTURE_BYTES = "images.list.element.bytes"

_TEXT = pa.string()
_PICTURE = pa.struct([("bytes", pa.binary()), ("path", _TEXT)])
_PART = pa.struct([("type", _TEXT), ("text", _TEXT)])
_MESSAGE = pa.struct([("role", _TEXT), ("content", pa.list_(_PART))])
_FACT = pa.struct(
    [
        ("name", _TEXT),
        ("value", _TEXT),
        ("status", _TEXT),
        ("site", _TEXT),
        ("laterality", _TEXT),
        ("size_mm", pa.float64()),
        ("severity", _TEXT),
        ("image", pa.int64()),
        ("box_xyxy", pa.list_(pa.float64())),
    ]
)
SAMPLE_FIELDS: list[tuple[str, pa.DataType]] = [
    ("id", _TEXT),
    ("images", pa.list_(_PICTURE)),
    ("messages", pa.list_(_MESSAGE)),
    ("lang", _TEXT),
    ("task", _TEXT),
    ("source", _TEXT),
    ("licence", _TEXT),
    ("origin", _TEXT),
    ("kind", _TEXT),
    ("topic", _TEXT),
    ("phrasing", _TEXT),
    ("choices", pa.list_(_TEXT)),
    ("modality", _TEXT),
    ("anatomy", _TEXT),
    ("group", _TEXT),
    ("derived_from", _TEXT),
    ("split", _TEXT),
    ("facts", pa.list_(_FACT)),
    ("rejected", _TEXT),
]
# Columns that data sets of earlier builds do not have; they read as null.
ADDED = ("rejected",)
# Beside the fields of a Sample: what mixing, measuring and auditing want without reading a picture.
EXTRA_FIELDS: list[tuple[str, pa.DataType]] = [
    ("label", _TEXT),
    ("question_key", _TEXT),
    ("general", pa.bool_()),
    ("image_sha256", pa.list_(_TEXT)),
    ("pixels_sha256", pa.list_(_TEXT)),
]


@dataclass(frozen=True, slots=True)
class Row:
    """A Sample with what is stored beside it; `pixels` are the hashes of the decoded pictures."""

    sample: Sample
    label: str | None
    question_key: str | None
    general: bool
    image_sha256: tuple[str, ...]
    pixels_sha256: tuple[str, ...]


def schema(*, without: Sequence[str] = ()) -> pa.Schema:
    """The columns of a shard with the feature metadata that makes `datasets` see images.

    `without` some columns it is the schema of an earlier build.
    """
    fields = [field for field in (*SAMPLE_FIELDS, *EXTRA_FIELDS) if field[0] not in without]
    features = {name: _feature(kind) for name, kind in fields}
    features["images"] = {"feature": {"_type": "Image"}, "_type": "List"}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


class ShardWriter:
    """A Parquet file that takes rows one by one; rows of one picture should stand together."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(
            path,
            schema(),
            compression=_compression(),
            use_dictionary=True,
            dictionary_pagesize_limit=EXPANDED_BYTES,
            write_statistics=False,
        )
        self._clear()
        self.rows = 0

    def _clear(self) -> None:
        self._group: list[Row] = []
        self._seen: set[str] = set()
        self._unique = self._expanded = 0

    def add(self, row: Row) -> None:
        """Take one more row."""
        if self._group and (self._full(row) or len(self._group) >= ROWS_A_GROUP):
            self._flush()
        for image, name in zip(row.sample.images, row.image_sha256, strict=True):
            if name not in self._seen:
                self._seen.add(name)
                self._unique += len(image.bytes)
            self._expanded += len(image.bytes)
        self._group.append(row)
        self.rows += 1

    def close(self) -> None:
        """Write what is left, and end the file."""
        if self._group:
            self._flush()
        self._writer.close()

    def _full(self, row: Row) -> bool:
        sizes = {
            name: len(image.bytes) for image, name in zip(row.sample.images, row.image_sha256, strict=True)
        }
        fresh = sum(size for name, size in sizes.items() if name not in self._seen)
        size = sum(len(image.bytes) for image in row.sample.images)
        return self._unique + fresh > GROUP_BYTES or self._expanded + size > EXPANDED_BYTES

    def _flush(self) -> None:
        table = pa.Table.from_pylist([_plain(row) for row in self._group], schema=self._writer.schema)
        self._writer.write_table(table, row_group_size=len(self._group))
        self._clear()


def write_shard(path: Path, rows: Iterable[Row]) -> int:
    """The number of rows written to one Parquet file."""
    writer = ShardWriter(path)
    try:
        for row in rows:
            writer.add(row)
    finally:
        writer.close()
    return writer.rows


def sha256(raw: bytes) -> str:
    """The SHA-256 of bytes, in hex."""
    return hashlib.sha256(raw).hexdigest()


def _plain(row: Row) -> dict[str, Any]:
    return {
        **sample_to_row(row.sample),
        "label": row.label,
        "question_key": row.question_key,
        "general": row.general,
        "image_sha256": row.image_sha256,
        "pixels_sha256": row.pixels_sha256,
    }


@cache
def _compression() -> dict[str, str]:
    """The codec of each column: files of pictures are small already."""
    empty = BytesIO()
    pq.write_table(schema().empty_table(), empty)
    stored = pq.read_metadata(empty).schema
    columns = (stored.column(at).path for at in range(len(stored)))
    return {column: "none" if column == PICTURE_BYTES else "zstd" for column in columns}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    names = {"double": "float64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}
