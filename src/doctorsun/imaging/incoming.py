"""What a reader of one format is handed: a file of a study, on disk or inside an archive."""

from pathlib import Path
from typing import Protocol

from doctorsun.core.errors import RecordError
from doctorsun.imaging.study import StudyLimits


class Entry(Protocol):
    """One file: `name` is its path inside the study, `path` is null where it lies in an archive."""

    @property
    def name(self) -> str:
        """The path inside the study, with forward slashes."""

    @property
    def path(self) -> Path | None:
        """Where it lies on disk, if it does."""

    @property
    def size(self) -> int:
        """Its bytes, unpacked."""

    def read(self) -> bytes:
        """All its bytes."""


def whole(entry: Entry, limits: StudyLimits) -> bytes:
    """All bytes of a file; RecordError where it is empty or larger than the limit."""
    check_size(entry, limits)
    return entry.read()


def check_size(entry: Entry, limits: StudyLimits) -> None:
    """RecordError where a file is empty or larger than the limit."""
    if not entry.size:
        raise RecordError("imaging.empty", where=entry.name)
    if entry.size > limits.max_bytes:
        raise RecordError(
            "imaging.file_too_large",
            where=entry.name,
            found=entry.size >> 20,
            limit=limits.max_bytes >> 20,
        )


def check_pixels(where: str, size: tuple[int, int], limits: StudyLimits) -> None:
    """RecordError where a frame of (width, height) has no pixel or more than the limit."""
    width, height = size
    if not 0 < width * height <= limits.max_pixels:
        raise RecordError(
            "imaging.too_many_pixels", where=where, found=f"{width} x {height}", limit=limits.max_pixels
        )
