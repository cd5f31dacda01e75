"""The wanted elements of a DICOM file by keyword, read in one pass that stops at the pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import SEEK_END, BytesIO
from itertools import count
from typing import Any, BinaryIO

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32
from pydicom.values import convert_value

from doctorsun.imaging.dicom import tags
from doctorsun.imaging.dicom.damage import DAMAGE
from doctorsun.imaging.dicom.metered import Metered
from doctorsun.imaging.study import StudyLimits

_UNDEFINED = 0xFFFFFFFF
_HEAD_BYTES = 64 * 1024
# The elements of a file or of a functional group, by keyword: a mapping, or a data set of pydicom.
Group = Mapping[str, Any]


# Numbers and codes, which mean the same in every file; most are equal in all slices of a series.
_PLAIN_VRS = {"CS", "DA", "DS", "FD", "IS", "TM", "UI", "US"}
_LONGEST_PLAIN = 256


class Elements(dict[str, Any]):
    """The values that are there, by keyword: pydicom's own look-up of what is not there is slow.

    `meta` are the elements of group 2, `is_part_10` tells whether the file starts as PS3.10 wants it,
    `encoding` is (implicit VR, little endian).
    """

    def __init__(self, dataset: FileDataset) -> None:
        super().__init__((tags.KEYWORD_OF[int(held.tag)], _value(held, dataset)) for held in dataset.values())
        self.meta: Dataset = dataset.file_meta
        self.is_part_10 = dataset.preamble is not None
        self.encoding: tuple[bool, bool] = dataset.original_encoding


def _value(held: RawDataElement | DataElement, dataset: FileDataset) -> Any:  # noqa: ANN401 - as pydicom
    """A value as pydicom reads it; those of numbers and codes are read once for all files that hold them."""
    if isinstance(held, RawDataElement):
        vr = held.VR or tags.VR_OF.get(int(held.tag))
        if vr in _PLAIN_VRS and held.value and len(held.value) <= _LONGEST_PLAIN:
            return _plain_value(vr, held.value, held.is_little_endian)
    return dataset[held.tag].value


@lru_cache(maxsize=4096)
def _plain_value(vr: str, raw: bytes, is_little_endian: bool) -> Any:  # noqa: ANN401 - as pydicom
    return convert_value(vr, RawDataElement(BaseTag(0), vr, len(raw), raw, 0, False, is_little_endian))


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels of a file are: `length` null for encapsulated ones, `left` to the end of the file."""

    tag: int
    vr: str | None
    offset: int
    length: int | None
    left: int


def parsed(file: BinaryIO, limits: StudyLimits) -> tuple[FileDataset, PixelElement | None]:
    """The wanted elements before the pixels, and where the pixels are; null where there are none.

    Raises what pydicom raises on damage, and ValueError beyond the limits.
    """
    head = file.read(_HEAD_BYTES)
    size = file.seek(0, SEEK_END)
    if size > len(head):
        # Nearly every header ends here, and memory is asked for its place faster than a file.
        try:
            dataset, pixels = _parsed(BytesIO(head), size, limits)
        except DAMAGE:
            pixels = None
        if pixels is not None:
            return dataset, pixels
    file.seek(0)
    return _parsed(file, size, limits)


def _parsed(file: BinaryIO, size: int, limits: StudyLimits) -> tuple[FileDataset, PixelElement | None]:
    elements = count(1)
    met: list[tuple[int, str | None, int]] = []

    def stop_when(tag: int, vr: str | None, length: int) -> bool:
        if next(elements) > limits.max_elements:
            raise ValueError("too many elements")
        if int(tag) in tags.PIXELS:
            met.append((int(tag), vr, length))
            return True
        return False

    dataset = read_partial(Metered(file, limits), stop_when, force=True, specific_tags=list(tags.KEYWORD_OF))
    if not met:
        return dataset, None
    tag, vr, length = met[0]
    start = file.tell() + (8 if vr is None or vr not in EXPLICIT_VR_LENGTH_32 else 12)
    plain = None if length == _UNDEFINED else length
    return dataset, PixelElement(tag, vr, start, plain, size - start)
