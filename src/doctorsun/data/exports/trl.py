"""TRL's conversational Parquet: `messages` of typed parts and `images`, each picture once a row group.

The parts say where an image stands, but the templates of many models write it as text: words such as
`<image>` are escaped here too.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Message, Part, Sample
from doctorsun.data.export import PROVENANCE, Outlet, provenance
from doctorsun.data.markers import escape
from doctorsun.data.shards import EXPANDED_BYTES, schema

ABOUT = "data.export_trl"
COLUMNS = ("messages", "images", *PROVENANCE)
_ROWS = 1024
_BYTES = 2**27


def write(outlet: Outlet) -> None:
    """One `data/SPLIT-00000-of-00001.parquet` a split."""
    (outlet.folder / "data").mkdir()
    for part in outlet.parts:
        path = outlet.folder / "data" / f"{part}-00000-of-00001.parquet"
        with pq.ParquetWriter(
            path,
            columns(),
            compression="zstd",
            use_dictionary=True,
            dictionary_pagesize_limit=EXPANDED_BYTES,
            write_statistics=False,
        ) as writer:
            for group in _groups(outlet.samples(part)):
                writer.write_table(pa.Table.from_pylist(group, schema=columns()), row_group_size=len(group))


def columns() -> pa.Schema:
    """The columns, with the metadata that makes `datasets` see images."""
    whole = schema()
    known = json.loads(whole.metadata[b"huggingface"])["info"]["features"]
    features = {name: known[name] for name in COLUMNS} | {"escaped": {"dtype": "bool", "_type": "Value"}}
    fields = [whole.field(name) for name in COLUMNS] + [pa.field("escaped", pa.bool_())]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def row(sample: Sample) -> dict[str, Any]:
    """One sample."""
    messages = [asdict(_escaped(message)) for message in sample.messages]
    images = [{"bytes": picture.bytes, "path": picture.path} for picture in sample.images]
    return {"messages": messages, "images": images, **provenance(sample)}


def _escaped(message: Message) -> Message:
    """The turn with its texts escaped, those that touch as one: a word may lie across two."""
    parts: list[Part] = []
    for part in message.content:
        if part.type == "text" and parts and parts[-1].type == "text":
            parts[-1] = Part("text", (parts[-1].text or "") + (part.text or ""))
        else:
            parts.append(part)
    return replace(
        message,
        content=tuple(
            part if part.type == "image" else Part("text", escape(part.text or "")) for part in parts
        ),
    )


def _groups(samples: Iterable[Sample]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        more = sum(len(picture.bytes) for picture in sample.images)
        if group and (len(group) >= _ROWS or size + more > _BYTES):
            yield group
            group, size = [], 0
        group.append(row(sample))
        size += more
    if group:
        yield group
