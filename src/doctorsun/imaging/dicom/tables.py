"""Look-up tables of a DICOM file: modality (PS3.3 C.11.1), VOI (C.11.2.1.1), palette (C.7.6.3.1.5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from doctorsun.imaging.dicom.places import number
from doctorsun.imaging.study import Lut

_MOST = 2**16


@dataclass(frozen=True, slots=True)
class Table:
    """`values` [entries] or [entries, 3] for inputs from `first` on; outside, the nearest end."""

    first: int
    values: NDArray[Any]

    def look_up(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The table's values for an array of inputs."""
        places = np.clip(stored.astype(np.int64) - self.first, 0, len(self.values) - 1)
        return self.values[places]


def modality_lut(dataset: Dataset) -> Table | None:
    """The modality LUT of a file, which takes the place of a rescale; null where there is none."""
    item = _item(dataset, "ModalityLUTSequence")
    if item is None:
        return None
    first, _, values = _grey(item, dataset, signed=dataset.get("PixelRepresentation") == 1)
    return Table(first, values)


def voi_lut(dataset: Dataset) -> Lut | None:
    """The first VOI LUT of a file as grey levels 0..1; null where there is none."""
    item = _item(dataset, "VOILUTSequence")
    if item is None:
        return None
    # Its inputs are rescaled values, which are signed below an intercept too.
    intercept = number(dataset.get("RescaleIntercept")) or 0.0
    signed = dataset.get("PixelRepresentation") == 1 or intercept < 0
    first, bits, values = _grey(item, dataset, signed=signed)
    return Lut(float(first), np.clip(values / np.float32(2**bits - 1), 0, 1).astype(np.float32))


def palette(dataset: Dataset) -> Table:
    """The colours uint8 [entries, 3] of a palette, plain or segmented; ValueError where there is none."""
    descriptor = dataset.RedPaletteColorLookupTableDescriptor
    entries, first, bits = _descriptor(descriptor, signed=dataset.get("PixelRepresentation") == 1)
    if "RedPaletteColorLookupTableData" not in dataset:
        inputs = np.arange(first, first + entries, dtype=np.int32)
        colours = apply_color_lut(inputs, dataset)[:, :3]
        return Table(first, _eight_bits(colours, bits))
    keywords = [f"{name}PaletteColorLookupTableData" for name in ("Red", "Green", "Blue")]
    channels = [_entries(dataset[keyword].value, entries, dataset) for keyword in keywords]
    return Table(first, _eight_bits(np.stack(channels, axis=-1), bits))


def _item(dataset: Dataset, keyword: str) -> Dataset | None:
    for item in dataset.get(keyword) or ():
        if item.get("LUTDescriptor") is not None and item.get("LUTData") is not None:
            return item
    return None


def _grey(item: Dataset, dataset: Dataset, *, signed: bool) -> tuple[int, int, NDArray[Any]]:
    """(first input, bits of an entry, entries) of a table of grey values."""
    entries, first, bits = _descriptor(item.LUTDescriptor, signed=signed)
    return first, bits, _entries(item["LUTData"].value, entries, dataset)


def _descriptor(value: Any, *, signed: bool) -> tuple[int, int, int]:  # noqa: ANN401 - what pydicom holds
    entries, first, bits = (int(one) for one in value)
    if not 1 <= bits <= 16:
        raise ValueError("bits of a table")
    # The first input is signed where the inputs are, whatever its VR says.
    if signed and first >= _MOST // 2:
        first -= _MOST
    return entries & (_MOST - 1) or _MOST, first, bits


def _entries(value: Any, entries: int, dataset: Dataset) -> NDArray[Any]:  # noqa: ANN401 - as above
    """A table's entries from bytes (8 or 16 bits each, by their number) or from numbers."""
    if not isinstance(value, bytes):
        found = np.atleast_1d(np.asarray(value, dtype=np.uint16))
    elif len(value) >= 2 * entries:
        order = "<" if dataset.original_encoding[1] is not False else ">"
        found = np.frombuffer(value, dtype=f"{order}u2")
    else:
        found = np.frombuffer(value, dtype=np.uint8)
    if len(found) < entries:
        raise ValueError("a table cut short")
    return found[:entries].astype(found.dtype.newbyteorder("="))


def _eight_bits(colours: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Colours of 16 bits lose their lower byte; some files declare 16 bits and fill eight."""
    if bits > 8 and int(colours.max()) > 255:
        colours = colours >> (bits - 8)
    return colours.astype(np.uint8)
