"""Features of a frozen encoder, computed one picture at a time and kept on disk for later epochs and runs.

One at a time, because then the bits of a feature do not depend on which pictures stood beside it: whether a
feature was kept or is computed now never changes a run. A file's name is the hash of all that its content
depends on, so any number of runs may share a folder. Shapes: P pictures, N tokens of one, D width.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from doctorsun.core.errors import StorageError
from doctorsun.core.files import storage_errors
from doctorsun.core.progress import reporter
from doctorsun.train.views import View

_SUM = hashlib.sha256().digest_size
_SPARE = 2**31  # bytes of the disk that are left to others: a checkpoint must find room
_LOW = 0.9  # the share of the limit that is left when room is made
_OLD_S = 3600  # a half-written file this old is of a writer that was killed


class FeatureStore:
    """Files below `folder`, each a tensor's bytes and their SHA-256, of at most `limit` bytes together.

    Beyond the limit those go that no run has used for longest; what this run uses stays. Where there is no
    room it says so once and keeps no more. Writers do not wait for each other: a file is renamed when whole.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._used: set[str] = set()
        self._size: int | None = None
        self._keeping = limit > 0
        self._numbers = count()

    def read(self, name: str, *, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
        """The mapped tensor of a name; null where it is absent, or damaged (then it is removed)."""
        path = self._path(name)
        length = torch.Size(shape).numel()
        try:
            if path.stat().st_size != length * dtype.itemsize + _SUM:
                self._forget(path)
                return None
            kept = torch.from_file(str(path), shared=False, size=length, dtype=dtype)
            if name not in self._used:
                with path.open("rb") as file:
                    file.seek(-_SUM, os.SEEK_END)
                    if file.read() != _digest(kept):
                        self._forget(path)
                        return None
                os.utime(path)
                self._used.add(name)
        except FileNotFoundError:
            return None
        return kept.view(shape)

    def write(self, name: str, tensor: Tensor) -> None:
        """Keep a tensor, unless there is no room."""
        size = tensor.nbytes + _SUM
        if not self._keeping or not self._has_room(size):
            return
        path = self._path(name)
        aside = path.with_name(f".{path.name}.{os.getpid()}-{next(self._numbers)}.aside")
        try:
            with storage_errors(self._folder):
                path.parent.mkdir(parents=True, exist_ok=True)
                with aside.open("wb") as file:
                    file.write(_bytes(tensor).numpy().data)
                    file.write(_digest(tensor))
                aside.replace(path)
        except StorageError as error:
            aside.unlink(missing_ok=True)
            self._stop("train.features_unkept", problem=error)
            return
        self._used.add(name)
        self._size = (self._size or 0) + size

    def _has_room(self, size: int) -> bool:
        """Whether `size` more bytes fit, after what was unused for longest has gone."""
        if self._size is None:
            self._size = sum(length for _, length, _ in self._files())
        if self._size + size > self._limit:
            self._make_room(size)
        place = self._folder if self._folder.is_dir() else self._folder.parent
        place.mkdir(parents=True, exist_ok=True)
        if self._size + size > self._limit:
            self._stop("train.features_limit", limit=round(self._limit / 1e9, 1))
        elif shutil.disk_usage(place).free < size + _SPARE:
            self._stop("train.features_disk", spare=_SPARE // 2**30)
        return self._keeping

    def _make_room(self, size: int) -> None:
        files = sorted(self._files())
        self._size = sum(length for _, length, _ in files)
        for _, length, path in files:
            if self._size + size <= self._limit * _LOW:
                return
            if path.name not in self._used:
                path.unlink(missing_ok=True)
                self._size -= length

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each file was last used, its bytes and its place; what killed writers left is removed."""
        found = []
        for path in self._folder.glob("??/*"):
            try:
                told = path.stat()
            except FileNotFoundError:
                continue
            found.append((told.st_mtime, told.st_size, path))
        newest = max((used for used, _, _ in found), default=0.0)
        for used, _, path in found:
            if path.name.endswith(".aside") and used < newest - _OLD_S:
                path.unlink(missing_ok=True)
        return found

    def _forget(self, path: Path) -> None:
        reporter().note("train.feature_damaged", where=path)
        path.unlink(missing_ok=True)

    def _stop(self, event: str, **values: object) -> None:
        self._keeping = False
        reporter().note(event, where=self._folder, **values)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class FeatureCache:
    """`features_ND` by view, in the dtype in which the projector reads them, so that nothing is lost.

    `name` gives what a view's file is called; without a store every feature is computed when it is asked for.
    """

    def __init__(
        self,
        compute: Callable[[View], Tensor],
        store: FeatureStore | None,
        *,
        name: Callable[[View], str],
        shape: tuple[int, int],
        dtype: torch.dtype,
    ) -> None:
        self._compute = compute
        self._store = store
        self._name = name
        self._shape = shape
        self._dtype = dtype

    def features(self, views: Sequence[View]) -> Tensor:
        """`features_PND` of some views, in their order."""
        found = {view: self._of(view) for view in dict.fromkeys(views)}
        return torch.stack([found[view] for view in views])

    def none(self) -> Tensor:
        """`features_PND` of no picture."""
        return torch.empty(0, *self._shape, dtype=self._dtype)

    def _of(self, view: View) -> Tensor:
        name = self._name(view)
        kept = self._store.read(name, shape=self._shape, dtype=self._dtype) if self._store else None
        if kept is None:
            kept = self._compute(view).to(self._dtype).contiguous()
            if self._store:
                self._store.write(name, kept)
        return kept


def _digest(tensor: Tensor) -> bytes:
    return hashlib.sha256(_bytes(tensor).numpy().data).digest()


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1).view(torch.uint8)
