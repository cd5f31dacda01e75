"""The files of a study: a file, a folder, a zip or a DICOMDIR; names checked, nothing unpacked to disk."""

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from doctorsun.core.errors import DataError, MissingExtra, RecordError
from doctorsun.imaging.study import USUAL_LIMITS, Remark, StudyLimits

ZIP_MAGIC = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC = b"PK\x05\x06"
_DICOMDIR_CLASS = b"1.2.840.10008.1.3.10"
_HEAD = 1024
_RATIO = 100
# Small files of one value pack better than any bomb needs to.
_RATIO_FROM_BYTES = 2**20
_ENCRYPTED = 1
_DRIVE = re.compile(r"^[A-Za-z]:")
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a study: its `name` inside it, its size, its place on disk (null inside a zip)."""

    name: str
    size: int
    path: Path | None = None
    _member: Callable[[], bytes] | None = field(default=None, repr=False)
    _first: Callable[[int], bytes] | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """All bytes; RecordError where they cannot be had."""
        if self._member is not None:
            return self._member()
        with self.open() as file:
            return file.read()

    def head(self, count: int) -> bytes:
        """The first bytes."""
        if self._first is not None:
            return self._first(count)
        with self.open() as file:
            return file.read(count)

    def open(self) -> BinaryIO:
        """The file opened for reading; a member of a zip lies in memory."""
        if self.path is None:
            return io.BytesIO(self.read())
        try:
            return self.path.open("rb")
        except OSError:
            raise RecordError("imaging.unreadable", where=self.name) from None


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a path: the files to read, in the order of their names, and what was refused unopened."""

    entries: tuple[Entry, ...]
    refused: tuple[Remark, ...] = ()


def found_files(path: Path, limits: StudyLimits = USUAL_LIMITS) -> Found:
    """The files at a path; DataError when there is nothing.

    A folder is walked without following links out of it; a zip is listed and read in memory; a DICOMDIR is
    read as the list it is (DICOM PS3.10 8.6).
    """
    if not path.exists():
        raise DataError("imaging.no_such_path", path=path)
    real = path.resolve()
    if real.is_dir():
        return _sorted(_below(real), limits)
    if not real.is_file():
        return Found((), (Remark("imaging.special_file", path.name),))
    entry = Entry(path.name, real.stat().st_size, real)
    try:
        head = entry.head(_HEAD)
    except RecordError as error:
        return Found((), (Remark(error.key, path.name),))
    if head[:4] in {ZIP_MAGIC, _EMPTY_ZIP_MAGIC}:
        return _zipped(real, limits)
    if head[128:132] == b"DICM" and _DICOMDIR_CLASS in head:
        return _sorted(_listed(entry, real.parent), limits)
    return Found((entry,))


def _sorted(found: Iterator[Entry | Remark], limits: StudyLimits) -> Found:
    entries: list[Entry] = []
    refused: list[Remark] = []
    for one in found:
        if isinstance(one, Remark):
            refused.append(one)
        elif len(entries) == limits.max_files:
            refused.append(Remark("imaging.too_many_files", one.name, {"limit": limits.max_files}))
            break
        else:
            entries.append(one)
    return Found(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(refused))


def _below(root: Path) -> Iterator[Entry | Remark]:
    closed: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        # A folder's link inside the study leads to what is found where it lies.
        for name in folders:
            place = Path(folder, name)
            if place.is_symlink() and not place.resolve().is_relative_to(root):
                yield Remark("imaging.leads_out", place.relative_to(root).as_posix())
        for name in files:
            yield _entry(Path(folder, name), root, Path(folder, name).relative_to(root).as_posix())
    for error in closed:
        yield Remark("imaging.unreadable", _printable(Path(error.filename).relative_to(root).as_posix()))


def _entry(place: Path, root: Path, name: str) -> Entry | Remark:
    """A file below the root, looked at but not opened: a pipe or a device would hang or do worse."""
    name = _printable(name)
    real = place
    if place.is_symlink():
        real = place.resolve()
        if not real.is_relative_to(root):
            return Remark("imaging.leads_out", name)
    try:
        facts = real.lstat()
    except OSError:
        return Remark("imaging.unreadable", name)
    if not stat.S_ISREG(facts.st_mode):
        return Remark("imaging.special_file", name)
    return Entry(name, facts.st_size, real)


def _listed(entry: Entry, root: Path) -> Iterator[Entry | Remark]:
    """The files that a DICOMDIR lists, each below its own folder (CVE-2026-32711 was one that was not)."""
    try:
        from doctorsun.imaging.dicom.directory import referenced_files
    except ModuleNotFoundError:
        raise MissingExtra("DICOM", "imaging") from None
    try:
        listed = referenced_files(entry)
    except RecordError as error:
        yield Remark(error.key, entry.name)
        return
    for parts in dict.fromkeys(listed):
        name = _printable("/".join(parts))
        if _is_unsafe("/".join(parts)) or any("/" in part for part in parts):
            yield Remark("imaging.leads_out", name)
            continue
        place = root.joinpath(*parts)
        if not place.exists():
            # A disc mounted without its ISO names shows them in lower case.
            place = root.joinpath(*(part.lower() for part in parts))
        if not place.exists():
            yield Remark("imaging.listed_missing", name)
        elif not place.resolve().is_relative_to(root):
            yield Remark("imaging.leads_out", name)
        else:
            yield _entry(place, root, name)


def _zipped(path: Path, limits: StudyLimits) -> Found:
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except _BAD_ZIP:
        return Found((), (Remark("imaging.damaged_zip", path.name),))
    return _sorted(_members(archive, members, limits), limits)


def _members(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], limits: StudyLimits
) -> Iterator[Entry | Remark]:
    opened = _Members(archive)
    total = 0
    for member in members:
        if member.is_dir():
            continue
        name = _printable(member.filename)
        key = _refusal(member)
        if key is not None:
            yield Remark(key, name)
            continue
        total += member.file_size
        if member.file_size > limits.max_bytes or total > limits.max_total_bytes:
            yield Remark(
                "imaging.file_too_large",
                name,
                {"found": member.file_size >> 20, "limit": limits.max_bytes >> 20},
            )
            total -= member.file_size
            continue
        read, first = partial(opened.read, member, name), partial(opened.first, member, name)
        yield Entry(name, member.file_size, None, read, first)


def _refusal(member: zipfile.ZipInfo) -> str | None:
    """Why a member of a zip is not opened: the key of a sentence."""
    packed = max(member.compress_size, 1)
    checks = {
        "imaging.leads_out": _is_unsafe(member.orig_filename) or stat.S_ISLNK(member.external_attr >> 16),
        "imaging.encrypted": bool(member.flag_bits & _ENCRYPTED),
        "imaging.zip_bomb": member.file_size > _RATIO_FROM_BYTES and member.file_size / packed > _RATIO,
    }
    return next((key for key, wrong in checks.items() if wrong), None)


class _Members:
    """The members of a zip, read in memory; the last one is kept for the further frames of a film."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._last: tuple[zipfile.ZipInfo, bytes] | None = None

    def read(self, member: zipfile.ZipInfo, name: str) -> bytes:
        """All of a member."""
        if self._last is None or self._last[0] is not member:
            self._last = None
            self._last = (member, self.first(member, name, -1))
        return self._last[1]

    def first(self, member: zipfile.ZipInfo, name: str, count: int) -> bytes:
        """The first bytes of a member; RecordError where it is damaged."""
        try:
            with self._archive.open(member) as file:
                # What unpacks to more than it declares is cut by zipfile and fails its check sum.
                return file.read(count)
        except _BAD_ZIP:
            raise RecordError("imaging.damaged", where=name) from None


def _is_unsafe(name: str) -> bool:
    """Whether a name would lead out of the folder it is taken to lie in, on any system."""
    return (
        not name
        or "\\" in name
        or "\0" in name
        or name.startswith("/")
        or bool(_DRIVE.match(name))
        or ".." in name.split("/")
    )


def _printable(name: str) -> str:
    """A name that can be shown: what is no text (a broken name, a control sign) becomes a question mark."""
    text = name.encode("utf-8", "replace").decode("utf-8")
    return "".join(sign if sign.isprintable() else "?" for sign in text)
