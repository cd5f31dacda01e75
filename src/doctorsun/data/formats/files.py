"""The files a generic reader reads: which they are, what split their names tell, and pictures they name."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TypeVar

from doctorsun.core.errors import ConfigError, DataError
from doctorsun.core.schema import Picture, Record, Split
from doctorsun.core.strings import say
from doctorsun.data.counts import Counts
from doctorsun.data.reading import HIDDEN, read_picture
from doctorsun.data.visual import Pictures

Word = TypeVar("Word", bound=str)
FOLDERS = ("images", "image", "imgs", "pictures")
HELD_OUT: dict[str, Split] = {
    "test": "test",
    **dict.fromkeys(("validation", "valid", "validate", "val", "dev"), "validation"),
}
_INLINE = re.compile(r"data:image/[\w.+-]+;base64,")


def files_in(place: Path, pattern: str, endings: Sequence[str], *, leave: Sequence[str] = ()) -> list[Path]:
    """The files of a pattern below `place` that have the endings; without one those in it, else below it.

    `leave` are patterns of names to leave out. DataError where there is no such file.
    """

    def fitting(paths: Iterable[Path]) -> list[Path]:
        return sorted(path for path in paths if _fits(path, endings, leave) and path.is_file())

    listed = fitting(place.glob(pattern or "*"))
    if not listed and not pattern:
        listed = fitting(place.rglob("*"))
    if not listed:
        raise DataError("data.no_table", where=place.name, expected=pattern or ", ".join(endings))
    return listed


def read_each(
    files: Iterable[Path], read: Callable[[Path], Iterator[Record]], counts: Counts
) -> Iterator[Record]:
    """The records of every file; one that cannot be used is counted, and the next is read."""
    for path in files:
        try:
            yield from read(path)
        except DataError as error:
            counts.drop(error.key, path.name)


def split_told(path: Path, place: Path) -> Split | None:
    """Test or validation where the name of the file, or of a folder above it within `place`, says so."""
    for name in (path.name.partition(".")[0], *reversed(path.relative_to(place).parent.parts)):
        for word in re.split(r"[^a-z]+", name.lower()):
            if word in HELD_OUT:
                return HELD_OUT[word]
    return None


def picture_of(place: Path, images: str = "", *folders: str) -> Callable[[object], Picture | None]:
    """What finds the picture of a cell below `place` (or its folder `images`): a name, or a `data:` URI.

    It gives null where there is no such file, and RecordError where the file cannot be read. Nothing is
    fetched: a URL is a picture that is absent.
    """
    pictures = Pictures(place / images, *(folders or FOLDERS))

    def show(cell: object) -> Picture | None:
        if isinstance(cell, dict):
            raw, cell = cell.get("bytes"), cell.get("path") or ""
            if isinstance(raw, bytes) and raw:
                return Picture(raw, PurePosixPath(str(cell)).name)
        if not isinstance(cell, str) or not cell:
            return None
        if inline := _INLINE.match(cell):
            return _decoded(cell[inline.end() :])
        path = pictures.find(cell)
        return read_picture(path, path.name) if path else None

    return show


def one_of(option: str, value: str, allowed: Sequence[Word]) -> Word:
    """The value of an option; ConfigError where it is none of those allowed."""
    for word in allowed:
        if word == value:
            return word
    problem = say("core.expected_one_of", limit=", ".join(allowed))
    raise ConfigError("core.bad_value", where=option, found=repr(value), problem=problem)
    return value


def _decoded(text: str) -> Picture | None:
    try:
        return Picture(b64decode(text, validate=True), "inline")
    except ValueError:
        return None


def _fits(path: Path, endings: Sequence[str], leave: Sequence[str]) -> bool:
    hidden = path.name.startswith(HIDDEN) or "__MACOSX" in path.parts
    return (
        not hidden and path.suffix.lower() in endings and not any(fnmatch(path.name, each) for each in leave)
    )
