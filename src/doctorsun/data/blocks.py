"""A block: some records of a source, checked, in one file whose name tells what it was made from.

A block is a pure function of its chunk of records, so any process makes it, and a build that was killed finds
it again. Pictures that stay as they lie in files of their own are named, not copied.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import SPLITS, Picture, Record, Text
from doctorsun.data.checks import CheckedPicture, Fault, check_pictures
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts, sayable
from doctorsun.data.filtering import filtered
from doctorsun.data.header import check_headers
from doctorsun.data.keys import KEY_BYTES, key_of
from doctorsun.data.near.contamination import question_print
from doctorsun.data.near.texts import text_print
from doctorsun.data.pictures import PictureFile, size_of, state_of
from doctorsun.data.shards import sha256
from doctorsun.data.split import hashed_group
from doctorsun.data.storing import whole_file
from doctorsun.data.talk import question_group
from doctorsun.data.translation.run import missing_languages

NO_SPLIT = -1
RECORD_BYTES = 2048
RECORD = TypeAdapter(Record)
_KEY = pa.binary(KEY_BYTES)
# What is read of every record at once: what splitting and comparing need of it.
INDEX = ("id", "group", "print", "split", "tested", "marked", "twins", "words", "changed")
_SCHEMA = pa.schema(
    [
        ("record", pa.string()),
        ("files", pa.list_(pa.string())),
        ("pictures", pa.list_(pa.binary())),
        ("image_sha256", pa.list_(pa.string())),
        ("pixels_sha256", pa.list_(pa.string())),
        ("id", pa.string()),
        ("group", _KEY),
        ("print", _KEY),
        ("split", pa.int8()),
        ("tested", pa.bool_()),
        ("marked", pa.bool_()),
        ("twins", pa.list_(_KEY)),
        ("words", pa.int32()),
        ("changed", pa.list_(pa.string())),
        ("looks", pa.list_(pa.binary())),
        ("text_print", pa.binary()),
        ("questions", pa.list_(pa.binary())),
        ("question_keys", pa.list_(pa.string())),
    ]
)
# Pictures do not become smaller; looks and words do.
CODECS = {
    name: "zstd"
    for name in ("record", "looks.list.element", "text_print", "questions.list.element", "files.list.element")
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that passed, with its pictures as they are stored."""

    record: Record
    pictures: tuple[CheckedPicture, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records to be made a block in `folder`; `code` tells the code that makes it."""

    source: str
    records: tuple[Record, ...]
    config: DataConfig
    code: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Block:
    """A block on disk: how many records it holds, the bytes of their pictures, what was left out before."""

    path: Path
    records: int
    size: int
    counts: Counts


def weight(chunk: Chunk) -> int:
    """About how many bytes of work a chunk is."""
    pictures = sum(size_of(picture) for record in chunk.records for picture in record.images)
    return pictures + RECORD_BYTES * len(chunk.records)


def make_block(chunk: Chunk) -> Path:
    """The file of a chunk's block, found or made."""
    path = chunk.folder / f"{_name(chunk)}.parquet"
    if path.is_file():
        return path
    counts = Counts()
    kept = list(_passed(chunk, counts))
    sizes = sum(len(picture.picture.bytes) for _, each in kept for picture in each.pictures)
    note = {"counts": counts.to_json(), "size": sizes}
    rows = [_row(chunk, raw, each) for raw, each in kept]
    schema = _SCHEMA.with_metadata({"block": json.dumps(note, ensure_ascii=False)})
    table = pa.Table.from_pylist(rows, schema=schema)
    with whole_file(path) as aside:
        pq.write_table(table, aside, use_dictionary=False, write_statistics=False, compression=CODECS)
    return path


def open_block(path: Path) -> Block:
    """What a block's file says of itself."""
    footer = pq.read_metadata(path)
    note: dict[str, Any] = json.loads(footer.metadata[b"block"])
    return Block(path, footer.num_rows, note["size"], Counts.from_json(note["counts"]))


def read_block(path: Path, *, pictures: bool = True) -> Iterator[Checked]:
    """The records of one block; without `pictures` they have none, as for questions about facts alone.

    DataError where a picture's file is no longer the one that was checked.
    """
    more = ["files", "pictures", "image_sha256", "pixels_sha256"] if pictures else []
    for batch in pq.ParquetFile(path).iter_batches(batch_size=64, columns=["record", *more]):
        for row in batch.to_pylist():
            record = RECORD.validate_json(row["record"])
            found = tuple(_pictures(record, row)) if pictures else ()
            shown = record.shown if pictures else ()
            images = tuple(each.picture for each in found)
            yield Checked(replace(record, images=images, shown=shown), found)


def _name(chunk: Chunk) -> str:
    said = chunk.config.model_dump_json(include={"seed", "langs", "pictures", "text", "near"})
    digest = hashlib.blake2b(f"{chunk.code}{chunk.source}{said}".encode(), digest_size=KEY_BYTES)
    for record in chunk.records:
        digest.update(repr(_without_bytes(record)).encode("utf-8", "surrogatepass") + b"\n")
        for picture in record.images:
            digest.update(state_of(picture).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _passed(chunk: Chunk, counts: Counts) -> Iterator[tuple[Record, Checked]]:
    """The records that pass all checks, each with what came in."""
    for record in chunk.records:
        place = f"{chunk.source}/{record.id}"
        pictures = _checked(record, chunk.config)
        if isinstance(pictures, Fault):
            counts.drop(pictures.reason, place)
            continue
        words = _usable_words(record, chunk.config, counts, chunk.source)
        if not words and not record.facts:
            if not record.texts:
                counts.drop("data.nothing_known", place)
            continue
        images = tuple(Picture(b"", picture.picture.path) for picture in pictures)
        checked = replace(record, texts=words, images=images)
        for _ in missing_languages(checked, chunk.config.langs):
            counts.note("data.one_language")
        yield record, Checked(checked, pictures)


def _checked(record: Record, config: DataConfig) -> tuple[CheckedPicture, ...] | Fault:
    try:
        pictures = [Picture(picture.bytes, picture.path) for picture in record.images]
    except RecordError as error:
        return Fault(error.key)
    if config.pictures.check == "header":
        return check_headers(pictures, config.pictures)
    return check_pictures(pictures, config.pictures, looks=config.near.pictures)


def _usable_words(record: Record, config: DataConfig, counts: Counts, source: str) -> tuple[Text, ...]:
    usable: dict[tuple[str, str], Text] = {}
    for at, said in enumerate(record.texts):
        name = sayable(said.key or f"text-{at}")
        judged = filtered(said, config.text, pictures=len(record.images))
        text, fault = judged.text, judged.fault
        for note in judged.notes:
            counts.note(note, f"{source}/{record.id}/{name}")
        first = usable.get((name, text.lang))
        if fault is None and first is not None:
            fault = "data.doubled_record" if first == text else None
            name = f"{name}-{at}"
        if fault is not None:
            counts.drop(fault, f"{source}/{record.id}/{name}")
        elif text.lang in config.langs:
            usable[(name, text.lang)] = replace(text, key=name)
        else:
            counts.note("data.other_language")
    return tuple(usable.values())


def _row(chunk: Chunk, raw: Record, checked: Checked) -> dict[str, Any]:
    record, pictures = checked.record, checked.pictures
    near = chunk.config.near
    files = [_file(came, stored) for came, stored in zip(raw.images, pictures, strict=True)]
    group = hashed_group(chunk.config.seed, chunk.source, record.group or record.id)
    return {
        **word_columns(record, near=near.texts),
        "files": files,
        "pictures": [
            None if file else each.picture.bytes for file, each in zip(files, pictures, strict=True)
        ],
        "image_sha256": [each.sha256 for each in pictures],
        "pixels_sha256": [each.pixels for each in pictures],
        "id": record.id,
        "group": bytes.fromhex(group),
        "print": _print(checked),
        "split": SPLITS.index(record.split) if record.split else NO_SPLIT,
        "marked": any(text.kind in ("choice", "closed") for text in record.texts),
        "tested": record.split == "test" or any(text.split == "test" for text in record.texts),
        **({"twins": _picture_twins(pictures), "text_print": None} if pictures else {}),
        "changed": [each.changed for each in pictures if each.changed],
        "looks": [each.look for each in pictures] if near.pictures else [],
    }


def word_columns(record: Record, *, near: bool) -> dict[str, Any]:
    """The columns of a block that a record's words decide; what its pictures decide is left out."""
    asked = [text for text in record.texts if text.question] if near else []
    columns: dict[str, Any] = {
        "record": RECORD.dump_json(record).decode(),
        "words": len(record.texts),
        "questions": [question_print(text.question or "", answer=text.answer) for text in asked],
        "question_keys": [f"{text.key}/{text.lang}" for text in asked],
    }
    if not record.images:
        columns["twins"] = [
            key_of(f"words {question_group(text.question or text.answer)}") for text in record.texts
        ]
        columns["text_print"] = text_print(_whole(record)) if near else None
    return columns


def _file(came: Picture, stored: CheckedPicture) -> str | None:
    """Where a picture lies as it is stored; null where it was changed, or its place cannot be written."""
    if stored.changed is not None or not isinstance(came, PictureFile) or sayable(came.file) != came.file:
        return None
    return came.file


def _whole(record: Record) -> str:
    """All that a record says."""
    return "\n".join(
        part
        for text in record.texts
        for part in (
            *(turn.text for turn in text.history),
            text.question or "",
            text.answer,
            *([text.rejected] if text.rejected else []),
        )
    )


def _picture_twins(pictures: Sequence[CheckedPicture]) -> list[bytes]:
    """The keys of what a record with pictures must not share with a record of another split."""
    return [key_of(f"pixels {picture.pixels}") for picture in pictures]


def _print(checked: Checked) -> bytes:
    """What two records of one source have in common when they are the same record twice."""
    texts = tuple(replace(text, key="") for text in checked.record.texts)
    said = replace(checked.record, id="", images=(), group=None, texts=texts)
    pixels = "".join(picture.pixels for picture in checked.pictures)
    return key_of(pixels + RECORD.dump_json(said).decode())


def _without_bytes(record: Record) -> Record:
    return replace(record, images=tuple(Picture(b"", picture.path) for picture in record.images))


def _pictures(record: Record, row: dict[str, Any]) -> Iterator[CheckedPicture]:
    names = (picture.path for picture in record.images)
    columns = (row[name] for name in ("files", "pictures", "image_sha256", "pixels_sha256"))
    for name, file, stored, sha, pixels in zip(names, *columns, strict=True):
        raw = PictureFile(Path(file), name, size=0).bytes if file else stored
        if file and sha256(raw) != sha:
            raise DataError("data.source_changed", where=f"{record.id}: {name}")
        yield CheckedPicture(Picture(raw, name), sha, pixels)


def index_of(path: Path, columns: Sequence[str] = INDEX) -> pa.Table:
    """Some columns of a block, no picture among them."""
    return pq.read_table(path, columns=list(columns))
