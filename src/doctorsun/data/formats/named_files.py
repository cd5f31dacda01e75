"""Published conversations in files of known names, with their pictures below the same folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from doctorsun.core.schema import Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.files import FOLDERS, picture_of, read_each
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.reading import first_folder

# Where sets of general pictures keep those of COCO when a row names only the file.
COCO = ("train2017", "coco/train2017", "coco", "train2014", "coco/train2014")


def find_named(root: Path, names: Sequence[str], *, inner: Sequence[str] = ()) -> Path | None:
    """The first folder with one of these files in it, or in one of its folders `inner`."""
    wanted = set(names)
    return first_folder(
        root,
        lambda at: (
            not wanted.isdisjoint(at.files)
            or any(
                (at.path / name / file).is_file() for name in inner if name in at.folders for file in names
            )
        ),
    )


def named_records(
    place: Path, names: Sequence[str], counts: Counts, *, images: str = "", lang: str = "en"
) -> Iterator[Record]:
    """The records of the files of these names in `place` and its folders, in the order of the names.

    `images` is the folder that names of pictures start from. The answers are a machine's.
    """
    show = picture_of(place, images, *FOLDERS, *COCO)
    talks = Conversations(counts, show, lang=lang, origin="synthetic")
    files = [path for name in names for path in sorted((*place.glob(name), *place.glob(f"*/{name}")))]
    yield from read_each(files, lambda path: talks.records(json_rows(path, counts)), counts)
