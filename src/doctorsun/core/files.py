"""Files that are whole or absent: written aside, fsynced, renamed; a full disk names the place."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctorsun.core.errors import StorageError


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes | str) -> None:
    """Put `content` at `path` so that a reader sees the old file or the new one, never a part."""
    _write(path, content, mode=0o666)


def write_private(path: Path, content: bytes | str) -> None:
    """As `write_whole`; the file is its owner's alone to read, from its first byte on."""
    _write(path, content, mode=0o600)


def _write(path: Path, content: bytes | str, *, mode: int) -> None:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.aside")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_soon(path: Path, content: str) -> None:
    """As `write_whole`, without waiting for the disk: for what is written often and may be lost."""
    aside = path.with_name(f".{path.name}.aside")
    with storage_errors(path):
        aside.write_text(content, encoding="utf-8")
        aside.replace(path)


def aside_of(path: Path) -> Path:
    """Where `whole_folder` has a folder filled."""
    return path.with_name(f".{path.name}.aside")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; fsynced and put in the place of `path` if the block ends well, else removed."""
    aside = aside_of(path)
    with storage_errors(path):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            yield aside
            sync_tree(aside)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        # A kill between these lines leaves the old folder or the new one whole, at worst under another name.
        before = path.with_name(f".{path.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        if path.exists():
            path.replace(before)
        aside.replace(path)
        sync_folder(path.parent)
        shutil.rmtree(before, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Make every file and folder below `folder` durable."""
    for path in sorted(folder.rglob("*")):
        sync_folder(path)
    sync_folder(folder)


def sync_folder(path: Path) -> None:
    """Make the entries of a folder (or the bytes of a file) durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a forbidden place and a file where a folder belongs into a StorageError.

    It names `path`. Libraries written in Rust raise errors of their own that only quote the system's number.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else _quoted(error)
        if number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageError("core.disk_full", path=path, free=_free_mb(path)) from error
        if number in {errno.EACCES, errno.EROFS, errno.EPERM}:
            raise StorageError("core.not_writable", path=path) from error
        if number == errno.ENOENT and not path.exists():
            raise StorageError("core.no_place", path=path) from error
        if number in {errno.ENOTDIR, errno.EEXIST}:
            raise StorageError("core.no_folder", path=path) from error
        if number == errno.EISDIR:
            raise StorageError("core.is_folder", path=path) from error
        raise


def _quoted(error: Exception) -> int | None:
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


def _free_mb(path: Path) -> int:
    place = path
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free // 2**20
