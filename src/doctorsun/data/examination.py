"""Whether a data set on disk is whole: its files, columns, pictures, licences and splits, fault by fault."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.audit import examine
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.data.shards import ADDED, schema, sha256
from doctorsun.imaging.pictures import Limits, decode

# Rows of a split whose pictures are decoded unless all are asked for.
LOOKED_AT = 200


@dataclass(slots=True)
class Examined:
    """What was looked at, and what was found wrong, each fault a sentence of its own."""

    files: int
    rows: int
    pictures: int
    faults: list[DataError]


def examined(path: Path, *, every_picture: bool = False) -> Examined:
    """The faults of a data set; rows are looked at where every shard is the one that was built.

    DataError where the folder holds no data set at all.
    """
    dataset = open_dataset(path)
    found = Examined(len(dataset.info["files"]), 0, 0, [*dataset.changes(), *_columns(dataset)])
    named = {str(fault.values["found"]) for fault in found.faults}
    if any(name.startswith("data/") for name in named):
        return found
    found.rows = sum(len(dataset.rows(part)) for part in dataset.splits)
    found.faults += [*_licences(dataset, card="README.md" not in named), *_shared(dataset)]
    for part, name, picture in _pictures(dataset, every=every_picture):
        found.pictures += 1
        if _broken(name, picture):
            found.faults.append(DataError("data.check_picture", where=f"{path}: {part}", found=picture.path))
    return found


def _columns(dataset: Dataset) -> Iterator[DataError]:
    """Shards whose columns, or what `datasets` is told of them, are not those of a data set."""
    allowed = (schema(), schema(without=ADDED))
    for name in sorted(dataset.info["files"]):
        if not name.endswith(".parquet") or not (dataset.path / name).is_file():
            continue
        try:
            found = pq.read_schema(dataset.path / name)
        except (pa.ArrowInvalid, OSError):
            yield DataError("data.check_unreadable", where=dataset.path, found=name)
            continue
        if not any(found.equals(each) and found.metadata == each.metadata for each in allowed):
            yield DataError("data.check_columns", where=dataset.path, found=name)


def _licences(dataset: Dataset, *, card: bool) -> Iterator[DataError]:
    """Licences of rows that the data set does not sum up, nor its card, where that is as it was built."""
    text = (dataset.path / "README.md").read_text(encoding="utf-8") if card else None
    told = {name for name in dataset.info["licences"] if text is None or name in text}
    for part in dataset.splits:
        met: set[str] = set()
        for batch in dataset.rows(part).batches("licence"):
            met.update(batch["licence"].unique().to_pylist())
        for name in sorted(met - told):
            yield DataError("data.check_licence", where=f"{dataset.path}: {part}", found=name)


def _shared(dataset: Dataset) -> Iterator[DataError]:
    """What two splits share, ids that come twice, rows that say another split."""
    found = examine(dataset)
    for pair, numbers in found["shared"].items():
        if any(numbers.values()):
            yield DataError("data.check_shared", where=dataset.path, found=pair, **numbers)
    if found["doubled_ids"]:
        yield DataError("data.check_doubled", where=dataset.path, found=found["doubled_ids"])
    if found["rows_in_the_wrong_split"]:
        yield DataError("data.check_split", where=dataset.path, found=found["rows_in_the_wrong_split"])


def _pictures(dataset: Dataset, *, every: bool) -> Iterator[tuple[str, str | None, Picture]]:
    """Pictures with their splits and, where all are looked at, the SHA-256 that the row tells."""
    for part in dataset.splits:
        rows = dataset.rows(part)
        if every:
            yield from ((part, name, picture) for name, picture in rows.pictures())
        else:
            chosen = range(0, len(rows), max(1, len(rows) // LOOKED_AT))
            shown = {id(each): each for sample in rows.take(chosen) for each in sample.images}
            yield from ((part, None, picture) for picture in shown.values())


def _broken(name: str | None, picture: Picture) -> bool:
    """Whether a picture cannot be decoded, or is not the one that its row tells of."""
    if name is not None and sha256(picture.bytes) != name:
        return True
    try:
        decode(picture.bytes, where=picture.path, limits=Limits())
    except RecordError:
        return True
    return False
