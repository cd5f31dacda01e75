"""Pictures as their files are, for models that read each in its own size; what was read lately is kept."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from doctorsun.core.files import whole_folder
from doctorsun.core.progress import track
from doctorsun.core.schema import Picture
from doctorsun.model.expansion import Size
from doctorsun.model.pictures import rgb_picture
from doctorsun.model.whole import PixelInputs, WholePictures

_FILES, _INDEX = "pictures.bin", "index.json"


class Originals:
    """The files of pictures by name, and their sizes; `room_bytes` bounds the inputs kept in memory."""

    def __init__(self, folder: Path, reader: WholePictures, *, room_bytes: int = 2**30) -> None:
        told = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self.sizes: dict[str, Size] = {name: (one["width"], one["height"]) for name, one in told.items()}
        self._at = {name: (one["start"], one["bytes"]) for name, one in told.items()}
        self._files = np.memmap(folder / _FILES, np.uint8, "r") if told else None
        self._reader = reader
        self._room_bytes = room_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[tuple[str, ...], PixelInputs] = OrderedDict()

    @classmethod
    def build(
        cls, found: Iterable[tuple[str, Picture]], folder: Path, reader: WholePictures, *, total: int
    ) -> "Originals":
        """The pictures at `folder`; written there first, unless they are there."""
        if not folder.is_dir():
            with whole_folder(folder) as aside, (aside / _FILES).open("wb") as file:
                index = {}
                for name, picture in track(found, "train.decoding", total):
                    width, height = rgb_picture(picture.bytes, where=name).size
                    place = {"start": file.tell(), "bytes": len(picture.bytes)}
                    index[name] = {**place, "width": width, "height": height}
                    file.write(picture.bytes)
                (aside / _INDEX).write_text(json.dumps(index), encoding="utf-8")
        return cls(folder, reader)

    def inputs(self, names: tuple[str, ...]) -> PixelInputs:
        """What the model reads of the pictures of one conversation."""
        if names in self._kept:
            self._kept.move_to_end(names)
            return self._kept[names]
        found = self._reader.inputs([self._file(name) for name in names])
        self._kept[names] = found
        self._held_bytes += _bytes(found)
        while self._held_bytes > self._room_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._held_bytes -= _bytes(oldest)
        return found

    def sizes_of(self, names: Sequence[str]) -> list[Size]:
        """Width and height of some pictures."""
        return [self.sizes[name] for name in names]

    def _file(self, name: str) -> bytes:
        assert self._files is not None
        start, length = self._at[name]
        return self._files[start : start + length].tobytes()


def _bytes(inputs: PixelInputs) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in inputs.values())
