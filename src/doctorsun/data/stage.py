"""First half of a build: each source's records, checked, in blocks that a killed build finds again."""

import hashlib
import heapq
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from inspect import signature
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.core.files import storage_errors, whole_folder, write_whole
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Card, Picture, Record, Text
from doctorsun.core.strings import say
from doctorsun.data import sources
from doctorsun.data.checks import CheckedPicture, Fault, check_pictures
from doctorsun.data.config import DataConfig, PictureConfig, SourceConfig
from doctorsun.data.counts import Counts, sayable
from doctorsun.data.filtering import filtered
from doctorsun.data.licences import allowed, spdx
from doctorsun.data.split import Member, hashed_group
from doctorsun.data.talk import question_group
from doctorsun.data.workers import Workers

BLOCK_RECORDS = 1024
BLOCK_BYTES = 128 * 2**20
CHUNK = 32
ALONE = 8
_RECORD = TypeAdapter(Record)
_SCHEMA = pa.schema(
    [
        ("record", pa.string()),
        ("pictures", pa.list_(pa.binary())),
        ("image_sha256", pa.list_(pa.string())),
        ("pixels_sha256", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that passed, with its pictures as they are stored."""

    record: Record
    pictures: tuple[CheckedPicture, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """One source on disk: its blocks, its counts, and what splitting needs of each record, block by block."""

    name: str
    card: Card
    present: bool
    counts: Counts
    blocks: tuple[Path, ...] = ()
    members: tuple[tuple[Member, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    module: ModuleType
    card: Card
    config: SourceConfig
    place: Path | None


def stage(name: str, config: DataConfig, *, aside: Path, crew: Workers) -> Staged:
    """One source, gathered or found again in `aside`; a source that is absent or unusable is counted."""
    source = _source(name, config)
    generated = not hasattr(source.module, "find")
    if source.place is None and not generated:
        reporter().note("data.source_absent", source=name, url=source.card.url, obtain=source.card.obtain)
        return Staged(name, source.card, present=False, counts=Counts())
    folder = aside / f"{name}-{_key(source, config)}"
    if not (folder / "staged.json").is_file():
        with whole_folder(folder) as fresh:
            _gather(source, config, fresh, crew)
    return _found(source, folder)


def read_block(path: Path) -> Iterator[Checked]:
    """The records of one block."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=64):
        for row in batch.to_pylist():
            record = _RECORD.validate_json(row["record"])
            names = [picture.path for picture in record.images]
            pictures = tuple(
                CheckedPicture(Picture(raw, name), sha, pixels)
                for raw, name, sha, pixels in zip(
                    row["pictures"], names, row["image_sha256"], row["pixels_sha256"], strict=True
                )
            )
            yield Checked(replace(record, images=tuple(each.picture for each in pictures)), pictures)


@cache
def code_fingerprint() -> str:
    """A hash of the code and words that data sets are made by."""
    digest = hashlib.sha256()
    for room in ("core", "language", "imaging", "data"):
        folder = Path(str(resources.files(f"doctorsun.{room}")))
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".yaml"}:
                digest.update(f"{room}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _source(name: str, config: DataConfig) -> _Source:
    said = config.sources[name]
    where = f"{config.name}: data.sources"
    module = plugins.find(sources, said.reader or name, where=where)
    _check_options(module, said, where=f"{where}.{name}.options")
    return _Source(name, module, _card(name, module, said), said, _place(module, said, config))


def _card(name: str, module: ModuleType, said: SourceConfig) -> Card:
    """The card of the source, with what the recipe says of this very folder."""
    card: Card = module.CARD
    told = {
        "licence": said.licence and spdx(said.licence),
        "title": said.title or (name if said.reader else None),
        "general": said.general,
    }
    changed: dict[str, Any] = {field: value for field, value in told.items() if value is not None}
    return replace(card, name=name, **changed)


def _place(module: ModuleType, said: SourceConfig, config: DataConfig) -> Path | None:
    """The folder of the source; null where there is none, or where a program makes it."""
    if not hasattr(module, "find"):
        return None
    if config.root is None and not (said.path and said.path.is_absolute()):
        raise DataError("data.no_root", where=config.name)
    if config.root is not None and not config.root.is_dir():
        raise DataError("data.no_folder", where=config.root)
    if said.path is not None:
        place = (config.root or Path()) / said.path
        if not place.is_dir():
            raise DataError("data.no_folder", where=place)
        return place
    found: Path | None = module.find(config.root)
    return found


def _check_options(module: ModuleType, config: SourceConfig, *, where: str) -> None:
    """Raise ConfigError where a source has no such option, or has another kind of value for it."""
    asked = signature(module.records).parameters.values()
    known = {each.name: each.default for each in asked if each.kind is each.KEYWORD_ONLY}
    for name, found in config.options.items():
        if name not in known:
            near = plugins.near(name, [*known]) or "-"
            raise ConfigError("core.unknown_key", where=where, found=name, near=near)
        if type(found) is not type(known[name]):
            problem = say("core.expected_text" if isinstance(known[name], str) else "core.expected_integer")
            raise ConfigError("core.bad_value", where=f"{where}.{name}", found=repr(found), problem=problem)


def _key(source: _Source, config: DataConfig) -> str:
    """Changes with the code, what the recipe says of this source, and the source's files."""
    said = config.model_dump_json(include={"seed", "langs", "licences", "pictures", "text"})
    digest = hashlib.sha256(f"{code_fingerprint()}{said}{source.config.model_dump_json()}".encode())
    for path in sorted(source.place.rglob("*")) if source.place else []:
        try:
            state = path.stat()
        except OSError:
            state = path.lstat()
        name = os.fsencode(path.relative_to(source.place or path))
        digest.update(name + f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _gather(source: _Source, config: DataConfig, folder: Path, crew: Workers) -> None:
    counts = Counts()
    members: list[list[tuple[str, list[str], str | None]]] = []
    block: list[Checked] = []
    faults: list[DataError] = []
    for checked in _checked(source, config, counts, crew, faults):
        block.append(checked)
        if len(block) >= BLOCK_RECORDS or _bytes(block) > BLOCK_BYTES:
            members.append(_write_block(folder, len(members), block, source.name, config.seed))
            block = []
    for error in faults:
        counts.drop(error.key, source.name)
    problems = [{"key": error.key, **{n: str(v) for n, v in error.values.items()}} for error in faults]
    reporter().step("data.step_check", counts.kept, counts.kept, source=source.name)
    if block:
        members.append(_write_block(folder, len(members), block, source.name, config.seed))
    staged = {"counts": counts.to_json(), "members": members, "problems": problems}
    write_whole(folder / "staged.json", json.dumps(staged, ensure_ascii=False))


def _found(source: _Source, folder: Path) -> Staged:
    tree: dict[str, Any] = json.loads((folder / "staged.json").read_text(encoding="utf-8"))
    members = tuple(
        tuple(Member(group, tuple(twins), official) for group, twins, official in block)
        for block in tree["members"]
    )
    blocks = tuple(_block_path(folder, at) for at in range(len(members)))
    counts = Counts.from_json(tree["counts"])
    for problem in tree["problems"]:
        reporter().note("data.source_unusable", source=source.name, problem=str(DataError(**problem)))
    return Staged(source.name, source.card, present=True, counts=counts, blocks=blocks, members=members)


def _checked(
    source: _Source, config: DataConfig, counts: Counts, crew: Workers, faults: list[DataError]
) -> Iterator[Checked]:
    """The records that pass all checks, in the order of the source; `faults` takes what ended it early."""
    seen: set[str] = set()
    work = ((chunk, config.pictures) for chunk in _chunks(_wanted(source, config, counts, faults)))
    done = 0
    for chunk in crew.map(_check_chunk, work, alone=ALONE):
        for record, found in chunk:
            if isinstance(found, Fault):
                counts.drop(found.reason, f"{source.name}/{record.id}")
                continue
            words = _usable_words(record, config, counts, source.name)
            checked = Checked(replace(record, texts=words), found)
            if not words and not record.facts:
                if not record.texts:
                    counts.drop("data.nothing_known", f"{source.name}/{record.id}")
                continue
            print_ = _print(checked)
            if print_ in seen:
                counts.drop("data.doubled_record", f"{source.name}/{record.id}")
                continue
            seen.add(print_)
            for picture in found:
                if picture.changed:
                    counts.note(picture.changed)
            counts.keep(words=len(words))
            yield checked
        done += len(chunk)
        reporter().step("data.step_check", done, None, source=source.name)


def _wanted(source: _Source, config: DataConfig, counts: Counts, faults: list[DataError]) -> Iterator[Record]:
    """The records that the licences and the recipe's limit admit, each id once."""
    options: dict[str, Any] = dict(source.config.options)
    if source.place is None:
        options = {"seed": config.seed, **options}
    found: Iterator[Record] = source.module.records(source.place, counts, **options)
    ids: set[str] = set()
    admitted = _admitted(_until_fault(found, faults), source, config, counts, ids)
    if source.config.limit is None:
        yield from admitted
        return
    ranked = ((_rank(config.seed, record.id), at, record) for at, record in enumerate(admitted))
    chosen = heapq.nsmallest(source.config.limit, ranked, key=lambda item: item[:2])
    yield from (record for _, _, record in sorted(chosen, key=lambda item: item[1]))


def _until_fault(found: Iterator[Record], faults: list[DataError]) -> Iterator[Record]:
    """The records up to the first that cannot be had because a file of the source is unusable."""
    try:
        yield from found
    except DataError as error:
        faults.append(error)


def _admitted(
    found: Iterator[Record], source: _Source, config: DataConfig, counts: Counts, ids: set[str]
) -> Iterator[Record]:
    allow = (*config.licences.allow, *source.config.accept)
    for record in map(_sayable, found):
        place = f"{source.name}/{record.id}"
        if record.id in ids:
            counts.drop("data.doubled_id", place)
        elif not allowed(licence := record.licence or source.card.licence, allow):
            counts.drop("data.licence", f"{place}: {licence}")
        else:
            ids.add(record.id)
            yield record


def _sayable(record: Record) -> Record:
    """The record with names that can be written down, whatever its files are called."""
    images = tuple(replace(picture, path=sayable(picture.path)) for picture in record.images)
    return replace(record, id=sayable(record.id), group=sayable(record.group or "") or None, images=images)


def _check_chunk(
    work: tuple[Sequence[Record], PictureConfig],
) -> list[tuple[Record, tuple[CheckedPicture, ...] | Fault]]:
    """Records without their pictures' bytes, and the pictures as they are stored, or the fault."""
    chunk, config = work
    found = []
    for record in chunk:
        names = tuple(Picture(b"", picture.path) for picture in record.images)
        found.append((replace(record, images=names), check_pictures(record.images, config)))
    return found


def _usable_words(record: Record, config: DataConfig, counts: Counts, source: str) -> tuple[Text, ...]:
    usable: dict[tuple[str, str], Text] = {}
    for at, text in enumerate(record.texts):
        name = sayable(text.key or f"text-{at}")
        judged = filtered(text, config.text, pictures=len(record.images))
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


def _write_block(
    folder: Path, number: int, block: Sequence[Checked], source: str, seed: int
) -> list[tuple[str, list[str], str | None]]:
    rows = [
        {
            "record": _RECORD.dump_json(each.record).decode(),
            "pictures": [picture.picture.bytes for picture in each.pictures],
            "image_sha256": [picture.sha256 for picture in each.pictures],
            "pixels_sha256": [picture.pixels for picture in each.pictures],
        }
        for each in block
    ]
    path = _block_path(folder, number)
    with storage_errors(path):
        pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path, write_statistics=False)
    return [
        (hashed_group(seed, source, each.record.group or each.record.id), _twins(each), each.record.split)
        for each in block
    ]


def _twins(checked: Checked) -> list[str]:
    """What a record must not share with a record of another split."""
    if checked.pictures:
        return [f"pixels {picture.pixels}" for picture in checked.pictures]
    return [f"words {question_group(text.question or text.answer)}" for text in checked.record.texts]


def _print(checked: Checked) -> str:
    """What two records of one source have in common when they are the same record twice."""
    record = checked.record
    said = replace(
        record, id="", images=(), group=None, texts=tuple(replace(t, key="") for t in record.texts)
    )
    pixels = "".join(picture.pixels for picture in checked.pictures)
    return hashlib.sha256(pixels.encode() + _RECORD.dump_json(said)).hexdigest()


def _chunks(records: Iterator[Record]) -> Iterator[Sequence[Record]]:
    while chunk := tuple(islice(records, CHUNK)):
        yield chunk


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def _bytes(block: Sequence[Checked]) -> int:
    return sum(len(picture.picture.bytes) for each in block for picture in each.pictures)


def _block_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.parquet"
