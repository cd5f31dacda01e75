"""WebDataset tar shards: the files of a sample share a name up to its first point.

`000000001.json` holds the turns as typed parts, so nothing that was typed needs an escape; `000000001.jpg` is
its picture, `000000001.0.jpg`, `000000001.1.png` are its pictures where it has several. A sample holds all of
its own files: a picture of ten questions stands in ten samples.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Sample
from doctorsun.data.export import Outlet, ending, one_line, provenance

ABOUT = "data.export_webdataset"
_ROWS = 10_000
_BYTES = 2**29


def write(outlet: Outlet) -> None:
    """`SPLIT-000000.tar` and more, at most 10,000 samples or 512 MiB each."""
    for part in outlet.parts:
        with _shards(outlet.folder, part) as shards:
            for number, sample in enumerate(outlet.samples(part, turns=False)):
                shards.put(f"{number:09d}", files(sample))


def files(sample: Sample) -> list[tuple[str, bytes]]:
    """The endings and contents of a sample's files."""
    several = len(sample.images) > 1
    found = [
        (f".{at}{ending(picture.bytes)}" if several else ending(picture.bytes), picture.bytes)
        for at, picture in enumerate(sample.images)
    ]
    return [*found, (".json", one_line(row(sample)).encode("utf-8"))]


def row(sample: Sample) -> dict[str, Any]:
    """What the JSON of a sample holds."""
    messages = [asdict(message) for message in sample.messages]
    pair = {"rejected": sample.rejected} if sample.rejected is not None else {}
    return {"messages": messages, **pair, **provenance(sample), "escaped": False}


class _Shards:
    """The tar files of one split, one open at a time."""

    def __init__(self, folder: Path, part: str) -> None:
        self._folder, self._part = folder, part
        self._number = -1
        self._rows = self._bytes = 0
        self._tar: tarfile.TarFile | None = None

    def put(self, key: str, contents: list[tuple[str, bytes]]) -> None:
        """Write the files of one sample next to each other."""
        tar = self._room(sum(len(raw) for _, raw in contents))
        for name, raw in contents:
            about = tarfile.TarInfo(key + name)
            about.size, about.mode, about.mtime = len(raw), 0o644, 0
            tar.addfile(about, io.BytesIO(raw))

    def close(self) -> None:
        """End the last shard."""
        if self._tar is not None:
            self._tar.close()

    def _room(self, size: int) -> tarfile.TarFile:
        if self._tar is None or self._rows >= _ROWS or (self._rows and self._bytes + size > _BYTES):
            self.close()
            self._number += 1
            path = self._folder / f"{self._part}-{self._number:06d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed above
            self._rows = self._bytes = 0
        self._rows += 1
        self._bytes += size
        return self._tar


@contextmanager
def _shards(folder: Path, part: str) -> Iterator[_Shards]:
    shards = _Shards(folder, part)
    try:
        yield shards
    finally:
        shards.close()
