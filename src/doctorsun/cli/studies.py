"""What `--image` and `--prior` name: picture files as they are, slices of whatever study stands there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from doctorsun.cli.places import picture
from doctorsun.core.errors import DataError
from doctorsun.core.schema import Shown

# As many slices of a volume as MedGemma 1.5 was trained to see at once.
SLICES = 85


@dataclass(frozen=True, slots=True)
class Named:
    """One picture to show: the bytes of an image file, and which of several it is."""

    content: bytes
    shown: Shown = Shown()


def pictures_at(
    path: Path, *, slices: int = SLICES, study: Literal["current", "prior"] | None = None
) -> list[Named]:
    """The pictures of one file or folder: itself, or at most `slices` of a study's frames, evenly chosen.

    `study` is what they are called by. DataError or StorageError where nothing can be shown.
    """
    found = _of_study(path, slices) if _is_study(path) else [Named(picture(path))]
    return [Named(one.content, replace(one.shown, study=study)) for one in found]


def _is_study(path: Path) -> bool:
    """Whether imaging has to look: a folder, an archive, DICOM, a volume or a slide, by content."""
    from doctorsun.imaging.archive import Entry
    from doctorsun.imaging.opening import kind_of

    if path.is_dir():
        return True
    if not path.is_file():
        return False
    entry = Entry(path.name, path.stat().st_size, path)
    return kind_of(entry) in {"dicom", "nifti", "zip", "slide"}


def _of_study(path: Path, slices: int) -> Iterator[Named]:
    from doctorsun.imaging.guarded import guarded_study
    from doctorsun.imaging.looks import names_of, pictures_of
    from doctorsun.imaging.pictures import encode

    with guarded_study(path) as found:
        if not found.series:
            raise DataError("cli.study_no_pictures", where=path)
        sent = pictures_of(found, max_pictures=slices)
    for one, name in zip(sent, names_of(sent) or (Shown(),) * len(sent), strict=True):
        yield Named(encode(one.pixels), name)
