"""TRL's conversational Parquet: `messages` of typed parts and `images`, each picture once a row group.

Preference pairs lie in `pairs/` as `prompt`, `chosen`, `rejected`, which TRL's DPOTrainer reads.
The parts say where an image stands, but the templates of many models write it as text: words such as
`<image>` are escaped here too.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Message, Part, Sample
from doctorsun.data.export import PROVENANCE, Outlet, provenance, worse_answer
from doctorsun.data.markers import escape
from doctorsun.data.shards import EXPANDED_BYTES, schema

ABOUT = "data.export_trl"
TURNS = ("messages",)
PAIRS = ("prompt", "chosen", "rejected")
_ROWS = 1024
_BYTES = 2**27


def write(outlet: Outlet) -> None:
    """One `data/SPLIT-00000-of-00001.parquet` a split, and one of its pairs in `pairs/` where it has any."""
    for part in outlet.parts:
        name = f"{part}-00000-of-00001.parquet"
        with _File(outlet.folder / "data" / name, TURNS) as plain, ExitStack() as more:
            pairs: _File | None = None
            for sample in outlet.samples(part):
                if sample.rejected is None:
                    plain.add(row(sample), sample)
                    continue
                pairs = pairs or more.enter_context(_File(outlet.folder / "pairs" / name, PAIRS))
                pairs.add(pair_row(sample), sample)


def columns(turns: Sequence[str] = TURNS) -> pa.Schema:
    """The columns, with the metadata that makes `datasets` see images; `turns` are those that hold turns."""
    whole = schema()
    known = json.loads(whole.metadata[b"huggingface"])["info"]["features"]
    names = ("images", *PROVENANCE)
    features = {name: known["messages"] for name in turns} | {name: known[name] for name in names}
    features["escaped"] = {"dtype": "bool", "_type": "Value"}
    fields = [pa.field(name, whole.field("messages").type) for name in turns]
    fields += [*(whole.field(name) for name in names), pa.field("escaped", pa.bool_())]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def row(sample: Sample) -> dict[str, Any]:
    """One sample."""
    messages = [asdict(_escaped(message)) for message in sample.messages]
    images = [{"bytes": picture.bytes, "path": picture.path} for picture in sample.images]
    return {"messages": messages, "images": images, **provenance(sample)}


def pair_row(sample: Sample) -> dict[str, Any]:
    """One pair: the turns up to the question, and both answers apart."""
    whole = row(sample)
    *prompt, chosen = whole.pop("messages")
    return {
        "prompt": prompt,
        "chosen": [chosen],
        "rejected": [asdict(_escaped(worse_answer(sample)))],
        **whole,
    }


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


class _File:
    """A Parquet file of rows, written a group at a time."""

    def __init__(self, path: Path, turns: Sequence[str]) -> None:
        path.parent.mkdir(exist_ok=True)
        self._schema = columns(turns)
        self._group: list[dict[str, Any]] = []
        self._size = 0
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            use_dictionary=True,
            dictionary_pagesize_limit=EXPANDED_BYTES,
            write_statistics=False,
        )

    def add(self, row: dict[str, Any], sample: Sample) -> None:
        """Take the row of one more sample."""
        more = sum(len(picture.bytes) for picture in sample.images)
        if self._group and (len(self._group) >= _ROWS or self._size + more > _BYTES):
            self._flush()
        self._group.append(row)
        self._size += more

    def _flush(self) -> None:
        if self._group:
            table = pa.Table.from_pylist(self._group, schema=self._schema)
            self._writer.write_table(table, row_group_size=len(self._group))
        self._group, self._size = [], 0

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()
