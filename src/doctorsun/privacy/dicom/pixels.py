"""Burned-in text in the samples of a data set: searched, blanked, written back uncompressed."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from doctorsun.core.errors import RecordError
from doctorsun.imaging.dicom.pixels import plugin_for
from doctorsun.privacy.dicom.kinds import SAMPLES
from doctorsun.privacy.dicom.marks import EXPLICIT_LITTLE
from doctorsun.privacy.dicom.reading import DAMAGE

_MOST_PIXELS = 2 * 10**9
_ITEM = b"\xfe\xff\x00\xe0"
# Where the samples of a JPEG (start of scan) and a JPEG 2000 (start of data) begin; before it stand texts.
_SCAN_MARKS = (b"\xff\xda", b"\xff\x93")
_HEAD_BYTES = 1 << 16
_SIDES = ("L", "R")


@dataclass(frozen=True, slots=True)
class PixelCheck:
    """Whether the samples are free of text now, and how many rectangles were blanked."""

    checked: bool
    boxes: int


def clean_samples(source: Dataset, made: Dataset, *, where: str) -> PixelCheck:
    """Blank burned-in text in `made`, whose samples are those of `source`; untouched where there is none.

    RecordError `privacy.pixels_unreadable` where the samples do not decode; MissingExtra without OCR.
    """
    from doctorsun.privacy.burned import clean_pixels

    try:
        frames_count = int(source.get("NumberOfFrames") or 1)
        size = int(source.get("Rows") or 0) * int(source.get("Columns") or 0) * frames_count
        if not 0 < size <= _MOST_PIXELS or int(source.get("BitsAllocated") or 0) not in {8, 16, 32}:
            raise ValueError("no picture")
        plugin = plugin_for(source.file_meta.TransferSyntaxUID)
        pixels = pixel_array(source, decoding_plugin=plugin)
    except DAMAGE:
        raise RecordError("privacy.pixels_unreadable", where=where) from None
    colour = int(source.get("SamplesPerPixel") or 1) == 3
    frames = pixels.reshape(-1, *pixels.shape[-3 if colour else -2 :])
    if frames.dtype.kind not in "iu":
        raise RecordError("privacy.pixels_unreadable", where=where)
    outcome = clean_pixels(frames, keep=_SIDES)
    boxes = len(outcome.boxes[0]) if outcome.boxes else 0
    if boxes:
        _write_back(source, made, outcome.pixels)
    return PixelCheck(outcome.checked, boxes)


def _write_back(source: Dataset, made: Dataset, pixels: NDArray[Any]) -> None:
    """Put native samples in the place of what was there; colour comes decoded to RGB, pixel by pixel."""
    big = source.original_encoding[1] is False
    raw = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))).tobytes()
    made.PixelData = raw + b"\0" * (len(raw) % 2)
    made["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    made["PixelData"].is_undefined_length = False
    if pixels.ndim == 4:
        made.PlanarConfiguration = 0
        made.PhotometricInterpretation = "RGB"
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in made:
            del made[keyword]
    if made.file_meta.TransferSyntaxUID.is_compressed:
        made.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE


def cut_samples(dataset: Dataset) -> bool:
    """Whether bytes stood after the declared native samples, where anything can hide; they are gone."""
    if "PixelData" not in dataset or UID(dataset.file_meta.TransferSyntaxUID).is_compressed:
        return False
    sizes = [int(dataset.get(name) or 1) for name in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames")]
    declared = (math.prod(sizes) * int(dataset.get("BitsAllocated") or 8) + 7) // 8
    raw = dataset.PixelData
    whole = declared + declared % 2
    if len(raw) <= declared or (len(raw) == whole and not raw[-1]):
        return False
    dataset["PixelData"].value = raw[:declared] + b"\0" * (whole - declared)
    return True


def mask_samples(dataset: Dataset) -> bool:
    """Whether native samples had bits above BitsStored, where an overlay or a text can lie; they are gone.

    What stands above the stored bits becomes the sign (PixelRepresentation 1) or zero, as decoders read it.
    """
    allocated, stored = int(dataset.get("BitsAllocated") or 0), int(dataset.get("BitsStored") or 0)
    high = int(dataset.get("HighBit") or stored - 1)
    native = "PixelData" in dataset and not UID(dataset.file_meta.TransferSyntaxUID).is_compressed
    if not native or allocated not in (8, 16, 32) or not 0 < stored < allocated or high != stored - 1:
        return False
    order = ">" if dataset.original_encoding[1] is False else "<"
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    raw = dataset.PixelData
    whole = len(raw) - len(raw) % (allocated // 8)
    samples = np.frombuffer(raw[:whole], np.dtype(f"{order}{'i' if signed else 'u'}{allocated // 8}"))
    spare = allocated - stored
    clean = (samples << spare) >> spare
    if np.array_equal(clean, samples):
        return False
    dataset["PixelData"].value = clean.astype(samples.dtype).tobytes() + raw[whole:]
    return True


def sample_places(dataset: Dataset, raw: bytes) -> list[range]:
    """Where in a file's bytes picture samples stand; the heads of compressed frames can hold texts."""
    places: list[range] = []
    for keyword in SAMPLES:
        element = dataset.get_item(keyword) if keyword in dataset else None
        start = getattr(element, "value_tell", None) or getattr(element, "file_tell", None)
        if element is None or not start:
            continue
        length = len(element.value or b"")
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            places += _frames(raw, start, start + length)
        else:
            places.append(range(start, start + length))
    return places


def _frames(raw: bytes, start: int, end: int) -> Iterator[range]:
    """The samples of each item of an encapsulated value (PS3.5 A.4)."""
    at = start
    while at + 8 <= end and raw[at : at + 4] == _ITEM:
        first = at + 8
        at = first + struct.unpack_from("<L", raw, at + 4)[0]
        head = raw[first : min(at, first + _HEAD_BYTES)]
        marks = [found for mark in _SCAN_MARKS if (found := head.find(mark)) >= 0]
        yield range(first + min(marks, default=0), min(at, end))
