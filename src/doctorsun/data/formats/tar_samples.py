"""The samples of a WebDataset tar: neighbouring files that share a name up to its first point.

Nothing is unpacked to disk. Links and special files are left out, so are entries that are too large.
"""

import io
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from doctorsun.core.errors import DataError
from doctorsun.data.counts import Counts

ENTRY_MIB, SAMPLE_MIB = 64, 256
Entry = tuple[str, str, bytes]


def tar_samples(path: Path, counts: Counts) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each key with its files by ending ("jpg", "0.png", "json"); DataError where this is no plain tar.

    What is left out is counted by the archive's name and its number in it; a cut archive keeps what is whole.
    """
    for key, entries in groupby(_entries(path, counts), key=lambda entry: entry[0]):
        files: dict[str, bytes] = {}
        size = 0
        for _, ending, raw in entries:
            size += len(raw)
            if size > SAMPLE_MIB * 2**20:
                files = {}
                break
            files[ending] = raw
        if files:
            yield key, files
        else:
            counts.drop("data.tar_large", f"{path.name}/{key}")


def _entries(path: Path, counts: Counts) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            try:
                yield from _members(file, path.name, counts)
            except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError):
                counts.drop("data.tar_cut", path.name)
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None


def _members(file: BinaryIO, name: str, counts: Counts) -> Iterator[Entry]:
    try:
        tar = tarfile.TarFile(fileobj=_Measured(file))
    except tarfile.ReadError:
        raise DataError("data.bad_tar", where=name) from None
    with tar:
        number = -1
        while (member := tar.next()) is not None:
            number += 1
            # The list that tarfile keeps of all entries would grow without end.
            tar.members = []  # type: ignore[attr-defined]
            reason = _refused(member)
            if reason:
                counts.drop(reason, f"{name}/{number}")
            elif member.isreg():
                inner = tar.extractfile(member)
                raw = inner.read() if inner else b""
                place = PurePosixPath(member.name)
                stem, _, ending = place.name.partition(".")
                yield str(place.with_name(stem or place.name)), ending.lower(), raw
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            counts.drop("data.tar_cut", name)


def _refused(member: tarfile.TarInfo) -> str | None:
    """The key of the reason why an entry is not read; folders are nothing to read."""
    place = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()) or member.issparse():
        return "data.tar_link"
    if place.is_absolute() or ".." in place.parts or not place.name:
        return "data.tar_outside"
    return "data.tar_large" if member.size > ENTRY_MIB * 2**20 else None


class _Measured(io.RawIOBase):
    """A file that gives no more at once than an entry may hold; tarfile trusts what headers say."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes; ReadError where more are asked for than any good archive needs."""
        if not 0 <= size <= ENTRY_MIB * 2**20:
            raise tarfile.ReadError("an entry too large to be one")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of the file."""
        return self._file.tell()
