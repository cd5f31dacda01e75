"""A frame of a DICOM file: decoded by pydicom, then taken to values by the standard's steps.

Stored values go through the modality LUT or the rescale (PS3.3 C.11.1) to values in float32; colours become
RGB of 8 bits (C.7.6.3.1.2). The window or VOI LUT (C.11.2) is handed on, not applied.
"""

from io import SEEK_END, BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    RLELossless,
)

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.dicom.codestream import declared_size, is_ended
from doctorsun.imaging.dicom.damage import damage_named
from doctorsun.imaging.dicom.elements import parsed
from doctorsun.imaging.dicom.header import Header, one_of
from doctorsun.imaging.dicom.layout import PALETTE, Layout
from doctorsun.imaging.dicom.source import open_dicom
from doctorsun.imaging.dicom.tables import modality_lut, palette, voi_lut
from doctorsun.imaging.dicom.values import Scale
from doctorsun.imaging.study import USUAL_LIMITS, Frame, Geometry, Pixels, StudyLimits, Window

_UNKNOWN = Geometry()
_BYTE = 8
_TAIL = 8
_ROWS = 256
# Whole numbers up to here are the same in float32 as in float64.
_EXACT = 2**24


def read_frame(
    header: Header, index: int, *, geometry: Geometry = _UNKNOWN, limits: StudyLimits = USUAL_LIMITS
) -> Frame:
    """Frame number `index` of a file, decoded now; RecordError where its pixels cannot be read."""
    where = header.entry.name
    with damage_named(where, "imaging.bad_pixels"), open_dicom(header.entry, limits) as file:
        tables = parsed(file, limits)[0] if header.has_tables else None
        file.seek(header.offset)
        stored = stored_values(file, header, index)
        pixels = _values(stored, header, index, tables)
        return _frame(header, index, pixels, tables, geometry)


def stored_values(file: BinaryIO, header: Header, index: int) -> NDArray[Any]:
    """The stored values [rows, columns] or RGB [rows, columns, 3] of a frame; `file` stands at the pixels."""
    layout = header.layout
    options = _options(layout)
    decoder = get_decoder(UID(layout.transfer_syntax))
    if header.length is not None:
        values: NDArray[Any] = decoder.as_array(file, index=index, **options)[0]
        return shift_to_stored(values, layout) if layout.high_bit != layout.bits_stored - 1 else values
    coded = get_frame(file, index, number_of_frames=layout.frames, extended_offsets=header.offset_table)
    size = declared_size(coded)
    if size is not None and size != (layout.rows, layout.columns):
        raise RecordError(
            "imaging.other_size",
            where=header.entry.name,
            found=f"{size[1]} x {size[0]}",
            expected=f"{layout.columns} x {layout.rows}",
        )
    if size is not None and not is_ended(coded) and _reaches_end(file, coded):
        # Some decoders spend seconds on such a frame and then make up the rest.
        raise ValueError("a frame cut short")
    if layout.transfer_syntax == JPEGExtended12Bit and layout.bits_stored > _BYTE:
        return _jpeg(coded)
    if layout.transfer_syntax in (JPEGLossless, JPEGLosslessSV1):
        return _signed(_jpeg(coded), layout) if layout.samples == 1 else _jpeg(coded, layout.photometric)
    single = BytesIO(encapsulate([coded], has_bot=False))
    options |= {"number_of_frames": 1, "decoding_plugin": plugin_for(layout.transfer_syntax)}
    decoded: NDArray[Any] = decoder.as_array(single, index=0, **options)[0]
    return decoded


def plugin_for(transfer_syntax: str) -> str:
    """The plugin of pydicom for a transfer syntax, "" for its own order.

    gdcm ends the whole process on some damaged JPEG and JPEG 2000 frames, Pillow and OpenJPEG refuse them;
    the RLE plugin of pylibjpeg panics where pydicom's own decoder refuses.
    """
    if transfer_syntax == RLELossless:
        return "pydicom"
    if transfer_syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        return "pillow"
    return "pylibjpeg" if UID(transfer_syntax) in JPEG2000TransferSyntaxes else ""


def _signed(values: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Values as the header means them: two's complement of the stored bits where it says so."""
    if not layout.signed:
        return values
    spare = 8 * values.dtype.itemsize - layout.bits_stored
    kind = np.dtype(f"i{values.dtype.itemsize}")
    return (values.view(kind) << spare) >> spare


def _jpeg(coded: bytes, photometric: str = "") -> NDArray[Any]:
    """The values of a JPEG frame of 12 bits (process 4) or without loss (process 14); colours come as RGB."""
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtra("JPEG", "imaging") from None
    try:
        stored = "RGB" if photometric == "RGB" else "YCBCR" if photometric else None
        shown = "RGB" if photometric else None
        values: NDArray[Any] = imagecodecs.jpeg8_decode(coded, colorspace=stored, outcolorspace=shown)
    except imagecodecs.Jpeg8Error:
        raise ValueError("a JPEG frame that cannot be decoded") from None
    return values


def _reaches_end(file: BinaryIO, coded: bytes) -> bool:
    """Whether the file ends within a frame, where at least a delimiter should follow."""
    file.seek(-_TAIL, SEEK_END)
    return coded.endswith(file.read(_TAIL))


def shift_to_stored(values: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Values whose high bit is not stored - 1, moved to start at bit 0 (PS3.5 8.1.1)."""
    up = layout.bits_allocated - 1 - layout.high_bit
    return (values << up) >> (layout.bits_allocated - layout.bits_stored)


def rescale(stored: NDArray[Any], scale: Scale, factor: float | None = None) -> NDArray[np.float32]:
    """`stored` x slope + intercept, then x factor: computed in float64, given in float32 (C.11.1.1.2)."""
    slope, intercept = scale.slope, scale.intercept
    if slope is None or intercept is None:
        slope, intercept = 1.0, 0.0
    values = np.empty(stored.shape, np.float32)
    if factor is None and _is_exact(stored.dtype, slope, intercept):
        if slope == 1:
            np.add(stored, np.float32(intercept), out=values)
        else:
            np.multiply(stored, np.float32(slope), out=values)
            values += np.float32(intercept)
        return values
    for start in range(0, len(stored), _ROWS):
        # A block at a time: a whole frame in float64 would be its largest cost.
        exact = stored[start : start + _ROWS].astype(np.float64)
        exact *= slope
        exact += intercept
        values[start : start + _ROWS] = exact if factor is None else exact * factor
    return values


def to_eight_bits(colours: NDArray[Any], layout: Layout) -> NDArray[np.uint8]:
    """RGB of 8 bits: of deeper colours the highest eight bits that are stored."""
    if layout.bits_stored > _BYTE:
        colours = colours >> (layout.bits_stored - _BYTE)
    return np.ascontiguousarray(colours, dtype=np.uint8)


def _is_exact(kind: np.dtype[Any], slope: float, intercept: float) -> bool:
    """Whether float32 holds every step of a rescale: whole numbers, none too large."""
    if kind.kind not in "iu" or kind.itemsize > 2 or not (slope.is_integer() and intercept.is_integer()):
        return False
    return 2**16 * abs(slope) + abs(intercept) < _EXACT


def _options(layout: Layout) -> dict[str, Any]:
    """The layout as pydicom's decoders take it."""
    has_shift = layout.high_bit != layout.bits_stored - 1
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "planar_configuration": layout.planar,
        "number_of_frames": layout.frames,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_allocated if has_shift else layout.bits_stored,
        "pixel_representation": int(layout.signed),
        "pixel_keyword": layout.keyword,
        "pixel_vr": layout.vr,
    }


def _values(stored: NDArray[Any], header: Header, index: int, tables: Dataset | None) -> Pixels:
    if stored.ndim == 3:
        return to_eight_bits(stored, header.layout)
    if header.layout.photometric == PALETTE and tables is not None:
        colours: NDArray[np.uint8] = palette(tables).look_up(stored)
        return colours
    if header.unit.meaning == "label":
        segment = one_of(header.segments, index) or 1
        return (
            stored.astype(np.float32) * segment
            if header.layout.bits_allocated == 1
            else rescale(stored, Scale())
        )
    table = modality_lut(tables) if tables is not None else None
    if table is not None:
        return table.look_up(stored).astype(np.float32)
    return rescale(stored, one_of(header.scales, index), header.unit.factor)


def _frame(header: Header, index: int, pixels: Pixels, tables: Dataset | None, geometry: Geometry) -> Frame:
    if pixels.ndim == 3:
        return Frame(pixels, "rgb", geometry, regions=header.regions)
    scale = one_of(header.scales, index)
    return Frame(
        pixels,
        header.unit.meaning,
        geometry,
        window=_window(scale.window, header.unit.factor),
        inverted=header.layout.photometric == "MONOCHROME1",
        regions=header.regions,
        lut=voi_lut(tables) if tables is not None else None,
        padding=_padding(header, scale, tables),
    )


def _window(window: Window | None, factor: float | None) -> Window | None:
    """The file's window in the units of the frame."""
    if window is None or factor is None:
        return window
    return Window(window.center * factor, window.width * factor, window.function)


def _padding(header: Header, scale: Scale, tables: Dataset | None) -> tuple[float, float] | None:
    """The padding in the units of the frame."""
    if header.layout.padding is None:
        return None
    ends = np.array(header.layout.padding, dtype=np.int64)
    table = modality_lut(tables) if tables is not None else None
    values = table.look_up(ends) if table is not None else rescale(ends, scale, header.unit.factor)
    return float(values.min()), float(values.max())
