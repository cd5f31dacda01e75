"""Parquet shards: Samples as rows that `datasets` reads, each picture stored once a row group."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
]
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


def schema() -> pa.Schema:
    """The columns of a shard with the feature metadata that makes `datasets` see images."""
    fields = [*SAMPLE_FIELDS, *EXTRA_FIELDS]
    features = {name: _feature(kind) for name, kind in fields}
    features["images"] = {"feature": {"_type": "Image"}, "_type": "List"}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def write_shard(path: Path, rows: Iterable[Row]) -> int:
    """The number of rows written to one Parquet file; rows of one picture should stand together."""
    number = 0
    with pq.ParquetWriter(
        path,
        schema(),
        compression="zstd",
        use_dictionary=True,
        dictionary_pagesize_limit=EXPANDED_BYTES,
        write_statistics=False,
    ) as writer:
        for group in _groups(rows):
            table = pa.Table.from_pylist([_plain(row) for row in group], schema=writer.schema)
            writer.write_table(table, row_group_size=len(group))
            number += len(group)
    return number


def sha256(raw: bytes) -> str:
    """The SHA-256 of bytes, in hex."""
    return hashlib.sha256(raw).hexdigest()


def _groups(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    group: list[Row] = []
    seen: set[str] = set()
    unique = expanded = 0
    for row in rows:
        fresh = [
            len(image.bytes)
            for image, name in zip(row.sample.images, row.image_sha256, strict=True)
            if name not in seen
        ]
        size = sum(len(image.bytes) for image in row.sample.images)
        full = unique + sum(fresh) > GROUP_BYTES or expanded + size > EXPANDED_BYTES
        if group and (full or len(group) >= ROWS_A_GROUP):
            yield group
            group, seen, unique, expanded = [], set(), 0, 0
            fresh = [len(image.bytes) for image in row.sample.images]
        group.append(row)
        seen.update(row.image_sha256)
        unique += sum(fresh)
        expanded += size
    if group:
        yield group


def _plain(row: Row) -> dict[str, Any]:
    return {
        **sample_to_row(row.sample),
        "label": row.label,
        "question_key": row.question_key,
        "general": row.general,
        "image_sha256": row.image_sha256,
        "pixels_sha256": row.pixels_sha256,
    }


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    names = {"double": "float64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}
