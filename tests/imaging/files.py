"""Entries made of bytes or of a file, as a study hands them to its readers."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path


@dataclass(frozen=True)
class Packed:
    name: str
    raw: bytes
    path: Path | None = None

    @property
    def size(self):
        return len(self.raw)

    def read(self):
        return self.raw


@dataclass(frozen=True)
class OnDisk:
    path: Path

    @property
    def name(self):
        return self.path.name

    @property
    def size(self):
        return self.path.stat().st_size

    def read(self):
        return self.path.read_bytes()


def saved(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
