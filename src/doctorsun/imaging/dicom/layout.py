"""How a file's pixels are stored (DICOM PS3.3 C.7.6.3), checked against limits and bytes."""

from dataclasses import dataclass

from pydicom.pixels import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.dicom import tags
from doctorsun.imaging.dicom.elements import Elements, PixelElement
from doctorsun.imaging.study import StudyLimits

PALETTE = "PALETTE COLOR"
GREYS = ("MONOCHROME1", "MONOCHROME2")
HALVED = "YBR_FULL_422"
COLOURS = ("RGB", "YBR_FULL", HALVED, "YBR_RCT", "YBR_ICT")
_DEPTHS = (1, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Layout:
    """The image pixel module of a file: the same for most files of a series, so it is kept once."""

    transfer_syntax: str
    keyword: str
    vr: str | None
    rows: int
    columns: int
    samples: int
    photometric: str
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    frames: int
    padding: tuple[int, int] | None

    @property
    def is_colour(self) -> bool:
        """Whether a frame is shown in colour."""
        return self.photometric not in GREYS

    @property
    def bytes_per_frame(self) -> float:
        """The size of a frame that is not compressed; bits may end within a byte."""
        samples = 2 if self.photometric == HALVED else self.samples
        return self.rows * self.columns * samples * self.bits_allocated / 8


def layout_of(elements: Elements, pixels: PixelElement) -> Layout:
    """The layout that a header declares; KeyError or ValueError where it lacks what is needed."""
    keyword = tags.PIXELS[pixels.tag]
    allocated = int(elements["BitsAllocated"])
    stored = int(elements.get("BitsStored") or allocated)
    return Layout(
        transfer_syntax=_transfer_syntax(elements, encapsulated=pixels.length is None),
        keyword=keyword,
        vr=pixels.vr or "OW",
        rows=int(elements["Rows"]),
        columns=int(elements["Columns"]),
        samples=int(elements.get("SamplesPerPixel") or 1),
        photometric=str(elements.get("PhotometricInterpretation") or GREYS[1]).strip(),
        planar=int(elements.get("PlanarConfiguration") or 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=int(elements.get("HighBit") or stored - 1),
        signed=elements.get("PixelRepresentation") == 1,
        frames=int(elements.get("NumberOfFrames") or 1),
        padding=_padding(elements) if keyword == "PixelData" else None,
    )


def check_layout(
    layout: Layout, length: int | None, *, file_left: int, where: str, limits: StudyLimits
) -> None:
    """RecordError for a layout of no coding we know, beyond the limits, or of too few bytes."""
    pixels = layout.rows * layout.columns
    if not 1 <= pixels <= limits.max_pixels:
        found = f"{layout.columns} x {layout.rows}"
        raise RecordError("imaging.too_many_pixels", where=where, found=found, limit=limits.max_pixels)
    if not 1 <= layout.frames <= limits.max_frames:
        raise RecordError(
            "imaging.too_many_frames", where=where, found=layout.frames, limit=limits.max_frames
        )
    _check_coding(layout, where)
    if length is None:
        return
    needed = -(-layout.bytes_per_frame * layout.frames // 1)
    found_bytes = min(length, file_left)
    if found_bytes < needed:
        raise RecordError("imaging.cut_short", where=where, found=found_bytes, expected=int(needed))
    if layout.photometric == HALVED and found_bytes >= needed * 1.5:
        raise RecordError("imaging.bad_dicom", where=where)


def _check_coding(layout: Layout, where: str) -> None:
    channels = 3 if layout.photometric in COLOURS else 1
    known = layout.photometric in (*GREYS, *COLOURS, PALETTE)
    depth = layout.bits_allocated in _DEPTHS and 1 <= layout.bits_stored <= layout.bits_allocated
    if not known or channels != layout.samples or not depth or layout.high_bit >= layout.bits_allocated:
        raise RecordError(
            "imaging.odd_pixels",
            where=where,
            found=f"{layout.photometric[:20]}, {layout.samples} x {layout.bits_allocated} bits",
        )
    syntax = UID(layout.transfer_syntax)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise RecordError("imaging.transfer_syntax", where=where, found=syntax.name[:64]) from None
    if not decoder.is_available:
        raise MissingExtra(syntax.name, "imaging")


def _transfer_syntax(elements: Elements, *, encapsulated: bool) -> str:
    """What the file declares, else the plain coding its header is written in (PS3.10 7.1)."""
    told = elements.meta.get("TransferSyntaxUID")
    if told:
        return str(told)
    if encapsulated:
        raise ValueError("compressed pixels of unknown coding")
    is_implicit, is_little = elements.encoding
    if is_implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian)


def _padding(elements: Elements) -> tuple[int, int] | None:
    """The stored values that lie outside the picture (PS3.3 C.7.5.1.1.2), lowest and highest."""
    value, limit = elements.get("PixelPaddingValue"), elements.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return None
    other = limit if isinstance(limit, int) else value
    return min(value, other), max(value, other)
