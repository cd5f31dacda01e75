"""A picture that still lies in its file: who asks for its bytes reads it, so that the workers read."""

import hashlib
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.counts import sayable

Raw = bytes


class PictureFile(Picture):
    """A Picture whose bytes are read each time they are asked for; RecordError where they cannot be.

    `state` tells this content of the file from another one: its place, its size and when it was written.
    """

    __slots__ = ("file", "size", "written_ns")

    file: str
    size: int
    written_ns: int

    def __init__(self, file: Path, path: str, *, size: int = -1, written_ns: int = 0) -> None:
        """Look at a file without reading it."""
        if size < 0:
            try:
                found = file.stat()
            except OSError:
                raise RecordError("data.unreadable_picture", where=path) from None
            size, written_ns = found.st_size, found.st_mtime_ns
        for name, value in (
            ("path", path),
            ("file", str(file.absolute())),
            ("size", size),
            ("written_ns", written_ns),
        ):
            object.__setattr__(self, name, value)

    @property
    def bytes(self) -> Raw:
        """The bytes of the file as they are now."""
        try:
            return Path(self.file).read_bytes()
        except OSError:
            raise RecordError("data.unreadable_picture", where=self.path) from None

    def __reduce__(self) -> tuple[object, ...]:
        """What another process needs to find the same file."""
        return _again, (self.file, self.path, self.size, self.written_ns)

    def __eq__(self, other: object) -> bool:
        """Equal names of equal content."""
        return isinstance(other, Picture) and (self.path, self.bytes) == (other.path, other.bytes)

    def __hash__(self) -> int:
        """As of a Picture."""
        return hash((self.bytes, self.path))

    def __repr__(self) -> str:
        """The name and the size; no place of this machine, no content."""
        return f"PictureFile({self.path!r}, {self.size} bytes)"


def size_of(picture: Picture) -> int:
    """How many bytes a picture has; a file is not read for it."""
    return picture.size if isinstance(picture, PictureFile) else len(picture.bytes)


def state_of(picture: Picture) -> str:
    """What changes when the content does: of a file its state, else a hash of the bytes."""
    if isinstance(picture, PictureFile):
        return f"{picture.file}\0{picture.size}\0{picture.written_ns}"
    return hashlib.sha256(picture.bytes).hexdigest()


def named(picture: Picture) -> Picture:
    """The same picture with a name that can be written down, whatever its file is called."""
    name = sayable(picture.path)
    if name == picture.path:
        return picture
    if isinstance(picture, PictureFile):
        return _again(picture.file, name, picture.size, picture.written_ns)
    return Picture(picture.bytes, name)


def _again(file: str, path: str, size: int, written_ns: int) -> PictureFile:
    return PictureFile(Path(file), path, size=size, written_ns=written_ns)
