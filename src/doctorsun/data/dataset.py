"""A data set on disk: `open_dataset(path).rows("train")` streams Samples and reads only what is asked for."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import DataError
from doctorsun.core.files import sha256_file
from doctorsun.core.schema import Kind, Lang, Picture, Sample, Task, sample_from_row
from doctorsun.data.shards import PICTURE_BYTES, SAMPLE_FIELDS

OFFICIAL = "official"
_META = ["id", "lang", "task", "kind", "source", "topic", "label", "question_key", "image_sha256", "general"]
_META += ["modality"]
_REPEATED = [name for name in _META if name not in ("id", "image_sha256", "general")]
_SAMPLE = [name for name, _ in SAMPLE_FIELDS]
_WITHOUT_PICTURES = [name for name in _SAMPLE if name != "images"] + ["image_sha256"]


@dataclass(frozen=True, slots=True)
class Meta:
    """What mixing needs of one sample: `picture` is the SHA-256 of its first image, `row` its place.

    `paired` says that it has a rejected answer beside the one it teaches.
    """

    id: str
    lang: Lang
    task: Task
    kind: Kind | None
    source: str
    topic: str | None
    label: str | None
    question_key: str | None
    picture: str | None
    general: bool
    row: int
    modality: str | None = None
    paired: bool = False


@dataclass(frozen=True, slots=True)
class _Group:
    file: Path
    number: int
    first: int
    rows: int


@dataclass(frozen=True)
class Rows:
    """The samples of one split in the order of the files; equal pictures of a row group are one object."""

    files: tuple[Path, ...]
    split: str

    def __len__(self) -> int:
        """The number of samples."""
        return sum(group.rows for group in self._groups)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, one row group in memory at a time."""
        for group in self._groups:
            yield from _Loaded(group).samples(range(group.rows))

    def take(self, rows: Iterable[int], *, memory_mib: int = 2048) -> Iterator[Sample]:
        """The samples at these places, in this order; the row groups used last stay in memory."""
        loaded: dict[int, _Loaded] = {}
        for row in rows:
            if not 0 <= row < len(self):
                raise IndexError(row)
            at = self._at(row)
            group = loaded.pop(at, None) or _Loaded(self._groups[at])
            loaded[at] = group
            while len(loaded) > 1 and sum(each.bytes for each in loaded.values()) > memory_mib * 2**20:
                del loaded[next(iter(loaded))]
            yield from group.samples([row - self._groups[at].first])

    def index(self) -> list[Meta]:
        """What mixing needs of every sample; no picture is read."""
        found: list[Meta] = []
        words: dict[str, str] = {}
        for file in self.files:
            table = pq.ParquetFile(file).read(columns=[*_META, "rejected"])
            pairs = table["rejected"].is_valid().to_pylist() if "rejected" in table.column_names else None
            columns = table.select(_META).to_pydict()
            columns["paired"] = pairs or [False] * len(table)
            pictures = columns.pop("image_sha256")
            # Millions of rows say few different things: each is held once.
            for name in _REPEATED:
                columns[name] = [each and words.setdefault(each, each) for each in columns[name]]
            names = list(columns)
            for picture, *values in zip(pictures, *columns.values(), strict=True):
                fields: dict[str, Any] = dict(zip(names, values, strict=True))
                found.append(Meta(**fields, picture=picture[0] if picture else None, row=len(found)))
        return found

    def columns(self, *names: str) -> Iterator[dict[str, Any]]:
        """Some columns of every row, file by file."""
        for batch in self.batches(*names):
            yield from batch.to_pylist()

    def batches(self, *names: str) -> Iterator[pa.RecordBatch]:
        """Some columns of the rows, some thousands together."""
        for file in self.files:
            yield from pq.ParquetFile(file).iter_batches(batch_size=8192, columns=list(names))

    def words(self) -> Iterator[tuple[Sample, tuple[str, ...]]]:
        """All samples with empty pictures, and the SHA-256 of their pictures; fast, for text and audits."""
        for group in self._groups:
            table = pq.ParquetFile(group.file).read_row_group(group.number, columns=_WITHOUT_PICTURES)
            for row in table.to_pylist():
                names = tuple(row.pop("image_sha256"))
                row["images"] = [Picture(b"", name) for name in names]
                yield sample_from_row(row), names

    def pictures(self) -> Iterator[tuple[str, Picture]]:
        """Every different picture of the split once, with its SHA-256, in the order of the files."""
        seen: set[str] = set()
        for group in self._groups:
            loaded = _Loaded(group, columns=["images", "image_sha256"])
            for row, names in enumerate(loaded.names):
                if any(name not in seen for name in names):
                    for name, picture in zip(names, loaded.pictures(row), strict=True):
                        if name not in seen:
                            seen.add(name)
                            yield name, picture

    @cached_property
    def _groups(self) -> list[_Group]:
        sizes = []
        for file in self.files:
            footer = pq.read_metadata(file)
            sizes += [(file, at, footer.row_group(at).num_rows) for at in range(footer.num_row_groups)]
        ends = accumulate(rows for _, _, rows in sizes)
        return [_Group(file, at, end - rows, rows) for (file, at, rows), end in zip(sizes, ends, strict=True)]

    @cached_property
    def _of_row(self) -> list[int]:
        return [at for at, group in enumerate(self._groups) for _ in range(group.rows)]

    def _at(self, row: int) -> int:
        return self._of_row[row]


class _Loaded:
    """A row group in memory: its pictures once each, its other columns as Arrow holds them."""

    def __init__(self, group: _Group, columns: Sequence[str] = (*_SAMPLE, "image_sha256")) -> None:
        file = pq.ParquetFile(group.file, read_dictionary=[PICTURE_BYTES])
        table = file.read_row_group(group.number, columns=list(columns))
        self._images: pa.ListArray = table["images"].combine_chunks()
        self._paths: list[str] = self._images.values.field("path").to_pylist()
        self._firsts: list[int] = self._images.offsets.to_pylist()
        self.names: list[list[str]] = table["image_sha256"].to_pylist()
        self._rest = table.drop_columns(["images", "image_sha256"])
        self._known: dict[tuple[str, str], Picture] = {}
        self.bytes: int = table.nbytes

    def samples(self, rows: Iterable[int]) -> Iterator[Sample]:
        """The samples at these places of the group."""
        for row in rows:
            fields: dict[str, Any] = self._rest.slice(row, 1).to_pylist()[0]
            yield sample_from_row({**fields, "images": self.pictures(row)})

    def pictures(self, row: int) -> list[Picture]:
        """The pictures of one row; equal ones are the same object."""
        first = self._firsts[row]
        keys = [(name, self._paths[first + at]) for at, name in enumerate(self.names[row])]
        if any(key not in self._known for key in keys):
            for key, image in zip(keys, self._images[row].as_py(), strict=True):
                self._known.setdefault(key, Picture(image["bytes"], image["path"]))
        return [self._known[key] for key in keys]


@dataclass(frozen=True)
class Dataset:
    """A data set as `sun data build` writes it; `info` is its dataset.json."""

    path: Path
    info: dict[str, Any]

    @property
    def name(self) -> str:
        """The name its recipe gave it."""
        return str(self.info["name"])

    @property
    def licence(self) -> str:
        """The strictest licence of what is inside."""
        return str(self.info["licence"])

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold samples.

        `official` holds the questions that a benchmark calls test, on pictures that may be trained on: leaky,
        reported apart, never trained on.
        """
        return tuple(self.info["splits"])

    def rows(self, split: str) -> Rows:
        """The samples of one split; none where the data set has no such split."""
        files = [name for name in sorted(self.info["files"]) if name.startswith(f"data/{split}-")]
        return Rows(tuple(self.path / name for name in files), split)

    def verify(self) -> None:
        """Raise DataError naming the first file that is missing or is not the one that was built."""
        for fault in self.changes():
            raise fault

    def changes(self) -> Iterator[DataError]:
        """One DataError for each file that is missing or is not the one that was built."""
        if self.info.get("sha256") != seal(self.info):
            yield DataError("data.file_changed", where=self.path, found="dataset.json")
        for name, known in sorted(self.info["files"].items()):
            file = self.path / name
            if not file.is_file():
                yield DataError("data.file_missing", where=self.path, found=name)
            elif file.stat().st_size != known["bytes"] or sha256_file(file) != known["sha256"]:
                yield DataError("data.file_changed", where=self.path, found=name)


def seal(info: Mapping[str, Any]) -> str:
    """The hash of a dataset.json's content, itself left out."""
    rest = {key: value for key, value in info.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_dataset(path: Path) -> Dataset:
    """The data set in a folder; DataError where the folder holds none."""
    file = path / "dataset.json"
    if not path.is_dir():
        raise DataError("data.no_folder", where=path)
    if not file.is_file():
        raise DataError("data.not_a_dataset", where=path)
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise DataError("data.file_changed", where=path, found=file.name) from None
    if not isinstance(info, dict) or not {"name", "splits", "files", "licence"} <= info.keys():
        raise DataError("data.not_a_dataset", where=path)
    return Dataset(path, info)
