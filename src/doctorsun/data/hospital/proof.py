"""The proof that no identifying value of a hospital is in any byte of a data set; else a build fails."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import DataError, StorageError
from doctorsun.core.files import storage_errors
from doctorsun.data.config import DataConfig, SourceConfig
from doctorsun.data.hospital.desk import Desk, desk_path, key_path, write_secret
from doctorsun.privacy.residual import Residual, Value

READER, LICENCE = "hospital", "hospital-private"
_FIELDS = ("names", "ids", "phones", "addresses", "hospitals", "doctors", "uids")
_SHORTEST_ID = 5
# Digests of bytes are chance numbers: a known one stands in some of them sooner or later.
_DIGEST = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{32,128}(?![0-9A-Za-z])")
_DATA_URI = re.compile(rb"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)")
_PNG = b"\x89PNG\r\n\x1a\n"
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """A known value that stands in one file of a data set (its path below the folder)."""

    file: str
    kind: str
    text: str = field(repr=False)


def told_values(fields: Mapping[str, Iterable[str]]) -> Iterator[Value]:
    """The values to search for: whole names, numbers, phones, addresses, UIDs. Single words of Latin names
    are the cleaner's affair: half of them are words of every report.
    """
    for name in _FIELDS:
        for text in sorted(fields.get(name, ())):
            spelled = _names(text) if name in {"names", "doctors"} else [text.strip()]
            for one in spelled:
                if name != "ids" or len(re.sub(r"\W", "", one)) >= _SHORTEST_ID:
                    yield Value(name, one)


def write_known(desk: Desk, fields: Mapping[str, Iterable[str]], *, not_names: Iterable[str]) -> None:
    """Keep the values beside the key, for the time when the data set is built."""
    common = {word.casefold() for word in not_names}
    values = sorted({(value.kind, value.text) for value in told_values(fields)})
    kept = [pair for pair in values if pair[1].casefold() not in common]
    write_secret(desk.known, {"place": str(desk.place.resolve()), "values": kept})


def known_values(place: Path, key: str = "") -> list[Value]:
    """The values of a hospital's folder that `write_known` kept beside its key.

    DataError where they are not there or another folder's, so that nothing passes unproved.
    """
    path = desk_path(place, key) / "known.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        ours = told["place"] == str(place.resolve())
        values = [Value(kind, text) for kind, text in told["values"]]
    except (OSError, ValueError, LookupError, TypeError):
        ours = False
    if not ours:
        raise DataError("data.hospital_no_known", where=path)
    return values


def check_places(config: DataConfig) -> None:
    """Raise StorageError where the key of a hospital would lie in the data set that is to be built.

    DataError where the recipe does not accept its licence: hours of de-identifying would be for nothing.
    """
    for name, source in _named(config):
        there = _place(config, source.path) is not None
        if there and source.licence is None and LICENCE not in (*config.licences.allow, *source.accept):
            raise DataError("data.hospital_not_accepted", where=f"data.sources.{name}", licence=LICENCE)
    for place, key in _hospitals(config):
        path = key_path(place, key)
        if path.resolve().is_relative_to(config.place.resolve()):
            raise StorageError("privacy.secret_inside", path=path, outside=config.place)


def prove(folder: Path, config: DataConfig) -> int:
    """How many known values of the hospitals of a recipe stand nowhere in a data set made by it.

    0 where it has no hospital. DataError where one of them stands in any of its bytes.
    """
    proved = 0
    for place, key in _hospitals(config):
        known = known_values(place, key)
        found = scan_tree(folder, known)
        proved += len(known)
        if found:
            # Which values they are is for the eyes of the owner of the key.
            write_secret(desk_path(place, key) / "left.json", [asdict(one) for one in found])
            kinds = Counter(one.kind for one in found)
            files = ", ".join(sorted({one.file for one in found})[:3])
            told = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
            raise DataError("data.hospital_left", where=files, found=told)
    return proved


def scan_tree(folder: Path, known: Sequence[Value]) -> list[Finding]:
    """Every known value in the files below a folder: in their bytes and names, and in the values of Parquet.

    Text is read as UTF-8, GB 18030, UTF-16 and base64. In compressed bytes and samples of pictures a value
    counts from six characters on: shorter ones stand there by chance.
    """
    # Counted by its place in the list instead of its kind, each value can be named.
    residual = Residual(Value(str(at), value.text) for at, value in enumerate(known))
    found: list[Finding] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        counts = residual.in_bytes(name.encode("utf-8", "surrogateescape"))
        counts |= _in_parquet(path, residual) if path.suffix == ".parquet" else _in_file(path, residual)
        hits = [known[at] for at in sorted(int(at) for at in counts)]
        found += [Finding(name, value.kind, value.text) for value in hits]
    return found


def _hospitals(config: DataConfig) -> Iterator[tuple[Path, str]]:
    """The folder of each hospital of a recipe, and where its key is told to be."""
    for _, source in _named(config):
        place = _place(config, source.path)
        if place is not None:
            yield place, str(source.options.get("key", ""))


def _named(config: DataConfig) -> list[tuple[str, SourceConfig]]:
    """The hospitals of a recipe by the names it gives them."""
    used = [(name, source) for name, source in sorted(config.sources.items()) if source.use]
    return [(name, source) for name, source in used if (source.reader or name) == READER]


def _place(config: DataConfig, told: Path | None) -> Path | None:
    from doctorsun.data.sources.hospital import find

    if told is not None:
        return (config.root or Path()) / told
    return find(config.root) if config.root is not None and config.root.is_dir() else None


def _in_file(path: Path, residual: Residual) -> Counter[str]:
    with storage_errors(path):
        raw = path.read_bytes()
    if raw.startswith((_PNG, b"\xff\xd8\xff")):
        return _in_picture(raw, residual)
    counts: Counter[str] = Counter()
    for uri in _DATA_URI.finditer(raw):
        counts |= _in_picture(base64.b64decode(uri[1] + b"==", validate=False), residual)
    text = _DATA_URI.sub(b" ", raw)
    return counts | residual.in_bytes(_DIGEST.sub(b" ", text))


def _in_parquet(path: Path, residual: Residual) -> Counter[str]:
    """Known values in the footer and the compressed pages as they are, and in every value that they hold."""
    with storage_errors(path):
        raw = path.read_bytes()
    counts = residual.in_bytes(raw, samples=[range(len(raw))])
    with pq.ParquetFile(path) as file:
        told = file.metadata.metadata or {}
        counts |= residual.in_bytes(_DIGEST.sub(b" ", b"\n".join([*told.keys(), *told.values()])))
        for batch in file.iter_batches(batch_size=_BATCH):
            texts: list[bytes] = []
            for column in batch.columns:
                for value in _leaves(column):
                    if isinstance(value, bytes):
                        counts |= _in_picture(value, residual)
                    elif isinstance(value, str):
                        texts.append(value.encode("utf-8", "replace"))
            counts |= residual.in_bytes(_DIGEST.sub(b" ", b"\n".join(texts)))
    return counts


def _leaves(column: pa.Array) -> Iterator[object]:
    """Every text and every bytes of a column, however deep in lists and structs."""
    stack: list[object] = list(column.to_pylist())
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            stack += value
        else:
            yield value


def _in_picture(raw: bytes, residual: Residual) -> Counter[str]:
    """Known values in a picture's file: its samples are no text, all other bytes are."""
    return residual.in_bytes(raw, samples=list(_samples(raw)))


def _samples(raw: bytes) -> Iterator[range]:
    """The places of compressed samples in a PNG or, from the first scan on, in a JPEG."""
    if not raw.startswith(_PNG):
        start = raw.find(b"\xff\xda")
        yield range(max(start, 0), len(raw))
        return
    at = len(_PNG)
    while at + 8 <= len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        if raw[at + 4 : at + 8] in {b"IDAT", b"PLTE"}:
            yield range(at, at + 12 + length)
        # The checksum at the end of a chunk is chance, too.
        yield range(at + 8 + length, at + 12 + length)
        at += 12 + length


def _names(text: str) -> Iterator[str]:
    """A name as tables and headers write it, and as they join its parts; nothing of one Latin word."""
    for group in text.split("="):
        parts = [part for part in re.split(r"[\^\s,]+", group.strip()) if part]
        if len(parts) == 1 and parts[0].isascii():
            continue
        yield group.strip()
        marks = ("", " ", "^", ", ") if len(parts) > 1 else ("",)
        for mark in marks:
            joined = mark.join(parts)
            if mark or not joined.isascii() or len(joined) >= _SHORTEST_ID + 1:
                yield joined
