"""DICOM files made to hurt, from one honest little object of 16 x 16 pixels."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.imaging.hostile import BOMB_MB, jpeg_of, picture, zeros

Maker = Callable[[], bytes]
Change = Callable[[Dataset], object]
CT = "1.2.840.10008.5.1.4.1.1.2"
DIRECTORY = "1.2.840.10008.1.3.10"
NAN = float("nan")
UNDEFINED = 0xFFFFFFFF


def honest(syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """A CT slice of 16 x 16 pixels."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.FileMetaInformationGroupLength = 0
    one.file_meta.TransferSyntaxUID = syntax
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CT
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = "1.2.3.4"
    one.SeriesInstanceUID, one.StudyInstanceUID, one.Modality = "1.2.3", "1.2", "CT"
    one.Rows = one.Columns = 16
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.PixelSpacing, one.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    one.ImagePositionPatient, one.RescaleSlope, one.RescaleIntercept = [0, 0, 0], 1, -1024
    one.PixelData = np.arange(256, dtype=np.uint16).tobytes()
    return one


def raw(one: Dataset, *, preamble: bytes = bytes(128)) -> bytes:
    """The file of a data set, written without the library's own scruples."""
    one.preamble = preamble
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = one.file_meta.TransferSyntaxUID.is_transfer_syntax
        order = {} if known else {"implicit_vr": False, "little_endian": True}
        dcmwrite(file, one, enforce_file_format=False, **order)
    return file.getvalue()


def changed(**values: object) -> Maker:
    """The honest slice with other values; null takes an element out."""

    def make() -> bytes:
        one = honest()
        for name, value in values.items():
            if value is None:
                delattr(one, name)
            else:
                setattr(one, name, value)
        return raw(one)

    return make


def coded(syntax: str, *frames: bytes) -> Maker:
    """The honest slice with these bytes as its compressed frames."""

    def make() -> bytes:
        one = honest(syntax)
        one.BitsAllocated, one.BitsStored, one.HighBit = 8, 8, 7
        one.PixelData = encapsulate(list(frames))
        one["PixelData"].VR = "OB"
        one["PixelData"].is_undefined_length = True
        return raw(one)

    return make


def without_frames() -> bytes:
    """A compressed slice with an empty offset table and nothing after it."""
    return coded(JPEGBaseline8Bit, b"ab")().replace(b"\xfe\xff\x00\xe0\2\0\0\0ab", b"")


def patched(tag: bytes, patch: Callable[[bytearray, int], None]) -> Maker:
    """The honest slice with bytes changed by hand where an element (little endian tag) begins."""

    def make() -> bytes:
        body = bytearray(raw(honest()))
        patch(body, body.index(tag, 132))
        return bytes(body)

    return make


def _long_rows(body: bytearray, at: int) -> None:
    body[at : at + 10] = body[at : at + 4] + b"UL\x04\0" + struct.pack("<I", 16)


def _put(offset: int, new: bytes) -> Callable[[bytearray, int], None]:
    def patch(body: bytearray, at: int) -> None:
        body[at + offset : at + offset + len(new)] = new

    return patch


def nested(depth: int) -> bytes:
    """A slice with so many sequences inside one another, lengths undefined and never closed."""
    start = b"\x08\0\x40\x11SQ\0\0" + struct.pack("<I", UNDEFINED)
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", UNDEFINED)
    head = raw(honest())
    return head[: head.index(b"\x20\0\x32\0", 132)] + (start + item) * depth


def closed(depth: int) -> bytes:
    """The same, each sequence closed."""
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    head = raw(honest())
    at = head.index(b"\x20\0\x32\0", 132)
    return nested(depth) + end * depth + head[at:]


def many_elements(count: int) -> bytes:
    """A slice with so many private elements before its pixels."""
    elements = b"".join(
        struct.pack("<HH", 0x0009 + 2 * (number >> 15), 0x1000 + (number & 0x7FFF)) + b"LO\x02\0ab"
        for number in range(count)
    )
    head = raw(honest())
    at = head.index(b"\x20\0\x0d\0", 132)
    return head[:at] + elements + head[at:]


def deflated_bomb() -> bytes:
    """A deflated data set whose pixels are 640 MiB of zeros."""
    one = honest(DeflatedExplicitVRLittleEndian)
    whole = raw(one)
    length = struct.unpack_from("<I", whole, 140)[0]
    body = raw(honest())
    start = 144 + struct.unpack_from("<I", body, 140)[0]
    pixels = body.index(b"\xe0\x7f\x10\0", start)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [packer.compress(body[start:pixels] + b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<I", BOMB_MB << 20))]
    parts += [packer.compress(bytes(2**20)) for _ in range(BOMB_MB)]
    return whole[: 144 + length] + b"".join(parts) + packer.flush()


def directory(*names: tuple[str, ...]) -> bytes:
    """A DICOMDIR that lists these files."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = DIRECTORY
    one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    records = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", list(name)
        record.OffsetOfTheNextDirectoryRecord = 1
        records.append(record)
    one.DirectoryRecordSequence = Sequence(records)
    return raw(one)


def palette(first: int, entries: int, table: bytes) -> Maker:
    """A slice in palette colours with these descriptors and tables."""

    def make() -> bytes:
        one = honest()
        one.PhotometricInterpretation = "PALETTE COLOR"
        for colour in ("Red", "Green", "Blue"):
            setattr(one, f"{colour}PaletteColorLookupTableDescriptor", [entries, first, 16])
            one[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
            setattr(one, f"{colour}PaletteColorLookupTableData", table)
        return raw(one)

    return make


def voi_lut() -> bytes:
    """A slice whose VOI table has fewer entries than it says."""
    one = honest()
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 16], bytes(20)
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "OW"
    one.VOILUTSequence = Sequence([item])
    return raw(one)


def other_order() -> bytes:
    """A file that says big endian and is little."""
    whole = raw(honest())
    return whole.replace(ExplicitVRLittleEndian.encode() + b"\0", ExplicitVRBigEndian.encode() + b"\0", 1)


def wrong_letters(charset: str | None) -> bytes:
    """A name in GB18030 bytes under another character set."""
    one = honest()
    if charset:
        one.SpecificCharacterSet = charset
    whole = raw(one)
    name = "张三丰".encode("gb18030")
    element = b"\x10\0\x10\0PN" + struct.pack("<H", len(name)) + name
    at = whole.index(b"\x20\0\x0d\0", 132)
    return whole[:at] + element + whole[at:]


RLE_LIES = struct.pack("<16I", 15, *(2**31 - 1,) * 15)
J2K_WIDE = b"\xff\x4f\xff\x51" + struct.pack(">HH8IH", 41, 0, *(65_535, 65_535, 0, 0) * 2, 1) + b"\7\1\1"

FILES: dict[str, Maker] = {
    "no_preamble.dcm": lambda: raw(honest())[132:],
    "program.dcm": lambda: raw(honest(), preamble=b"\x7fELF".ljust(128, b"\x90")),
    "windows_program.dcm": lambda: raw(honest(), preamble=b"MZ".ljust(128, b"\x90")),
    "preamble_only.dcm": lambda: bytes(128) + b"DICM",
    "cut_header.dcm": lambda: raw(honest())[:300],
    "cut_pixels.dcm": lambda: raw(honest())[:-200],
    "deep_300.dcm": lambda: nested(300),
    "deep_5000.dcm": lambda: nested(5000),
    "deep_closed.dcm": lambda: closed(2000),
    "crowded.dcm": lambda: many_elements(200_000),
    "endless_length.dcm": patched(b"\xe0\x7f\x10\0", _put(8, b"\xff\xff\xff\xff")),
    "four_gigabytes.dcm": patched(b"\xe0\x7f\x10\0", _put(8, b"\xfe\xff\xff\xff")),
    "long_text.dcm": patched(b"\x20\0\x0d\0", _put(4, b"UT\0\0\xf0\xff\xff\xff")),
    "unknown_type.dcm": patched(b"\x20\0\x0d\0", _put(4, b"??")),
    "rows_as_long.dcm": patched(b"\x28\0\x10\0", _long_rows),
    "no_rows.dcm": changed(Rows=None),
    "zero_rows.dcm": changed(Rows=0),
    "wide.dcm": changed(Rows=65_535, Columns=65_535),
    "seven_bits.dcm": changed(BitsAllocated=7),
    "sixty_four_bits.dcm": changed(BitsAllocated=64),
    "more_stored.dcm": changed(BitsStored=40),
    "zero_stored.dcm": changed(BitsStored=0),
    "high_bit.dcm": changed(HighBit=200),
    "no_samples.dcm": changed(SamplesPerPixel=0),
    "many_samples.dcm": changed(SamplesPerPixel=65_535),
    "unknown_colours.dcm": changed(PhotometricInterpretation="XYZ"),
    "planes.dcm": changed(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=5),
    "no_pixels.dcm": changed(PixelData=None),
    "empty_pixels.dcm": changed(PixelData=b""),
    "odd_pixels.dcm": changed(PixelData=bytes(333)),
    "million_frames.dcm": changed(NumberOfFrames=10**6),
    "frames_below_zero.dcm": changed(NumberOfFrames=-4),
    "slope_nan.dcm": changed(RescaleSlope=NAN, RescaleIntercept=NAN),
    "slope_huge.dcm": changed(RescaleSlope=1e308, RescaleIntercept=1e308),
    "window_zero.dcm": changed(WindowCenter=0, WindowWidth=0),
    "window_nan.dcm": changed(WindowCenter=NAN, WindowWidth=-5),
    "spacing_zero.dcm": changed(PixelSpacing=[0, 0]),
    "spacing_nan.dcm": changed(PixelSpacing=[NAN, NAN], SliceThickness=NAN),
    "no_orientation.dcm": changed(ImageOrientationPatient=[0, 0, 0, 0, 0, 0]),
    "position_nan.dcm": changed(ImagePositionPatient=[NAN, NAN, NAN]),
    "unknown_syntax.dcm": lambda: raw(honest("1.2.3.4.5.6.7")),
    "implicit_said.dcm": lambda: raw(honest()).replace(
        ExplicitVRLittleEndian.encode() + b"\0", ImplicitVRLittleEndian.encode() + b"\0\0\0"
    ),
    "other_order.dcm": other_order,
    "deflated_bomb.dcm": deflated_bomb,
    "packed_bomb.dcm.gz": lambda: zeros(BOMB_MB, bits=31),
    "letters.dcm": lambda: wrong_letters("ISO_IR 100"),
    "letters_unknown.dcm": lambda: wrong_letters("ISO_IR 9999"),
    "letters_none.dcm": lambda: wrong_letters(None),
    "palette_short.dcm": palette(0, 4096, bytes(8)),
    "palette_outside.dcm": palette(60_000, 16, bytes(32)),
    "voi_lut_short.dcm": voi_lut,
    "jpeg_noise.dcm": coded(JPEGBaseline8Bit, b"\xff\xd8" + bytes(998)),
    "jpeg_wide.dcm": coded(JPEGBaseline8Bit, jpeg_of(65_535, 65_535)),
    "jpeg_other_size.dcm": coded(JPEGBaseline8Bit, picture("JPEG", mode="L")),
    "jpeg_none.dcm": without_frames,
    "jpeg_frames_short.dcm": coded(JPEGBaseline8Bit, b"\xff\xd8"),
    "wavelet_noise.dcm": coded(JPEG2000, b"\xff\x4f\xff\x51" + np.random.default_rng(3).bytes(996)),
    "boxed_without_length.dcm": coded(JPEG2000, b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100)),
    "wavelet_wide.dcm": coded(JPEG2000, J2K_WIDE + bytes(100)),
    "lossless_noise.dcm": coded(JPEGLSLossless, b"\xff\xd8\xff\xf7" + bytes(996)),
    "runs_lie.dcm": coded(RLELossless, RLE_LIES + bytes(100)),
    "runs_short.dcm": coded(RLELossless, b"\1\0\0\0"),
    "DICOMDIR": lambda: directory(("..", "..", "etc", "passwd"), ("/etc/passwd",), ("DICOMDIR",), ("GONE",)),
}
