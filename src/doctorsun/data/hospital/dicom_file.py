"""A DICOM file of the invented hospital, written byte by byte: this room does not know pydicom."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from doctorsun.data.hospital.invented import HOSPITAL, Invented

CT, CR, US = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.6.1"
EXPLICIT = "1.2.840.10008.1.2.1"
LONG = frozenset({"OB", "OW", "SQ", "UN", "UT"})


def dicom_bytes(one: Invented, number: int) -> bytes:
    """A DICOM file of a study, explicit little endian, UTF-8 (PS3.10 7.1, PS3.5 7.1.2)."""
    sop = {"CT": CT, "CR": CR, "US": US}[one.modality]
    pixels = _pixels(one, number)
    family, _, given = one.latin.partition(" ")
    name = f"{family}^{given}" + (f"={one.name[:1]}^{one.name[1:]}" if one.zh else "")
    day = one.day.strftime("%Y%m%d")
    head = _elements(
        [
            (2, 1, "OB", b"\0\1"),
            (2, 2, "UI", sop),
            (2, 3, "UI", f"{one.uid}.1.{number}"),
            (2, 0x10, "UI", EXPLICIT),
        ]
    )
    bits = pixels.itemsize * 8
    places = [(0x20, 0x32, "DS", f"0\\0\\{number * 5}"), (0x20, 0x37, "DS", "1\\0\\0\\0\\1\\0")]
    body = [
        (8, 5, "CS", "ISO_IR 192"),
        (8, 8, "CS", "ORIGINAL\\PRIMARY"),
        (8, 0x16, "UI", sop),
        (8, 0x18, "UI", f"{one.uid}.1.{number}"),
        (8, 0x20, "DA", day),
        (8, 0x30, "TM", "101500"),
        (8, 0x50, "SH", one.accession),
        (8, 0x60, "CS", one.modality),
        (8, 0x80, "LO", HOSPITAL[0 if one.zh else 1]),
        (8, 0x90, "PN", one.doctor.replace(" ", "^")),
        (0x10, 0x10, "PN", name),
        (0x10, 0x20, "LO", one.patient),
        (0x10, 0x30, "DA", "19500102"),
        (0x10, 0x40, "CS", "F"),
        (0x10, 0x2154, "SH", one.phone),
        (0x18, 0x15, "CS", "CHEST"),
        *([(0x18, 0x5101, "CS", "PA")] if one.modality == "CR" else []),
        (0x20, 0x0D, "UI", one.uid),
        (0x20, 0x0E, "UI", f"{one.uid}.1"),
        (0x20, 0x10, "SH", "1"),
        (0x20, 0x13, "IS", str(number)),
        *(places if one.modality == "CT" else []),
        (0x28, 2, "US", 1),
        (0x28, 4, "CS", "MONOCHROME2"),
        (0x28, 0x10, "US", pixels.shape[0]),
        (0x28, 0x11, "US", pixels.shape[1]),
        *([(0x28, 0x30, "DS", "0.8\\0.8")] if one.modality == "CT" else []),
        (0x28, 0x100, "US", bits),
        (0x28, 0x101, "US", bits),
        (0x28, 0x102, "US", bits - 1),
        (0x28, 0x103, "US", 0),
        *([(0x28, 0x1052, "DS", "-1024"), (0x28, 0x1053, "DS", "1")] if one.modality == "CT" else []),
        (0x7FE0, 0x10, "OW" if bits > 8 else "OB", pixels.tobytes()),
    ]
    length = _elements([(2, 0, "UL", len(head))])
    return b"\0" * 128 + b"DICM" + length + head + _elements(body)


def _pixels(one: Invented, number: int) -> NDArray[np.generic]:
    """Two lungs on a slope, other ones for each study; the patient's name where it is burned in."""
    rng = np.random.default_rng(int(one.accession[2:]))
    size = 256 if one.burned else 48
    across, down = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    body = (across**2 / 0.8 + down**2 / rng.uniform(0.5, 0.7)) < 1
    lungs = ((np.abs(across) - rng.uniform(0.35, 0.45)) ** 2 / 0.06 + down**2 / rng.uniform(0.15, 0.3)) < 1
    # Studies that look alike would be taken for copies of one picture.
    cells = Image.fromarray(rng.uniform(0, 0.6, (6, 6)).astype(np.float32))
    texture = np.asarray(cells.resize((size, size), Image.Resampling.BICUBIC))
    level: NDArray[np.float64] = 0.1 + texture + 0.2 * body - 0.2 * (body & lungs) + 0.02 * number * down
    if one.modality == "CT":
        return (level * 1400).astype(np.uint16)
    grey = Image.fromarray(np.clip(level * 255, 0, 255).astype(np.uint8))
    if one.burned:
        font = ImageFont.load_default(size=18)
        ImageDraw.Draw(grey).text((6, 4), f"{one.latin}  {one.patient}", fill=255, font=font)
    return np.asarray(grey)


def _elements(found: Sequence[tuple[int, int, str, object]]) -> bytes:
    return b"".join(_element(*one) for one in found)


def _element(group: int, element: int, vr: str, value: object) -> bytes:
    if isinstance(value, bytes):
        raw = value
    elif isinstance(value, int):
        raw = struct.pack("<H" if vr == "US" else "<I", value)
    else:
        raw = str(value).encode("utf-8")
    raw += (b"\0" if vr in {"UI", "OB"} else b" ") * (len(raw) % 2)
    length = struct.pack("<HI", 0, len(raw)) if vr in LONG else struct.pack("<H", len(raw))
    return struct.pack("<HH", group, element) + vr.encode() + length + raw
