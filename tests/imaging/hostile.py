"""Files made to hurt: small on disk, large, endless or false when opened. `FILES` names each with its maker.

Nothing here is stored: every maker returns the bytes of one file. DICOM objects are in `hostile_dicom.py`.
"""

import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from PIL import Image

Maker = Callable[[], bytes]
BOMB_MB = 640


def picture(kind: str = "PNG", *, mode: str = "RGB", **options: object) -> bytes:
    """An honest little picture of 64 x 48 pixels."""
    levels = np.arange(64 * 48, dtype=np.uint32).reshape(48, 64)
    grey = Image.fromarray((levels % 251).astype(np.uint8))
    image = Image.fromarray((levels * 21).astype(np.uint16)) if mode == "I;16" else grey.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def zeros(megabytes: int, *, bits: int = 15) -> bytes:
    """So many megabytes of zeros, deflated (`bits` as zlib's wbits)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file with a true checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG file of these chunks after its header."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def with_chunk(body: bytes) -> bytes:
    """The honest picture with one more chunk after its header."""
    raw = picture()
    return raw[:33] + body + raw[33:]


def animated_png() -> bytes:
    """An animation that promises a million frames and brings two thousand empty ones."""
    frames = [
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 64, 48, 0, 0, 1, 1, 0, 0)) for number in range(2000)
    ]
    return with_chunk(chunk(b"acTL", struct.pack(">II", 10**6, 0)) + b"".join(frames))


def gif() -> bytes:
    """A GIF of a hundred thousand frames."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * 10**5 + b";"


def tiff(entries: Iterable[tuple[int, int, int, int]], *, next_ifd: int = 0, rest: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory of (tag, type, count, value)."""
    rows = sorted(entries)
    body = b"".join(struct.pack("<HHII", *row) for row in rows)
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + body + struct.pack("<I", next_ifd) + rest


def tiff_of(width: int, height: int, *, compression: int = 1, at: int = 200, size: int = 64) -> list[tuple]:
    """The tags of a grey picture in one strip."""
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
            (273, 4, 1, at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, size)]  # fmt: skip


def tiff_bomb() -> bytes:
    """A deflated strip that holds 640 MiB for a picture of 4,096 pixels."""
    packed = zeros(BOMB_MB)
    head = tiff(tiff_of(64, 64, compression=8, at=200, size=len(packed)))
    return head.ljust(200, b"\0") + packed


def tiff_endless() -> bytes:
    """A chain of twenty thousand directories."""
    one = tiff_of(8, 8)
    size = 2 + 12 * len(one) + 4
    body = b"".join(struct.pack("<HHII", *row) for row in one)
    parts = [
        struct.pack("<H", len(one)) + body + struct.pack("<I", 8 + size * (n + 1)) for n in range(20_000)
    ]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts)


def jpeg_of(width: int, height: int) -> bytes:
    """The honest JPEG with another size written into its frame header."""
    raw = bytearray(picture("JPEG"))
    at = raw.index(b"\xff\xc0") + 5
    raw[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(raw)


def jpeg_scans() -> bytes:
    """A progressive JPEG whose last scan is said ten thousand times over."""
    raw = picture("JPEG", progressive=True)
    last = raw.rindex(b"\xff\xda")
    return raw[:last] + raw[last:-2] * 10_000 + raw[-2:]


def webp_of(width: int, height: int) -> bytes:
    """An extended WebP file with nothing on a large canvas."""
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bmp_of(width: int, height: int, *, bits: int = 24, compression: int = 0, body: bytes = b"") -> bytes:
    """A BMP file of any declared size."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + info + body


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip file of these members, names as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def zip_link() -> bytes:
    """A zip with a symbolic link to a file of the system."""
    info = zipfile.ZipInfo("link.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def zip_bomb() -> bytes:
    """640 MiB of zeros under a picture's name."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("scan.png", "w") as member,
    ):
        for _ in range(BOMB_MB):
            member.write(bytes(2**20))
    return file.getvalue()


def zip_nested(depth: int = 20) -> bytes:
    """Zips in a zip in a zip."""
    raw = picture()
    name = "picture.png"
    for level in range(depth):
        raw, name = zipped((name, raw)), f"level{level}.zip"
    return raw


def zip_lies() -> bytes:
    """A zip whose directory says that a large member is small."""
    raw = bytearray(zipped(("a.png", bytes(50 * 2**20))))
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(raw)


def zip_flagged(flag: int) -> bytes:
    """A zip with a bit of its members' flags set: 1 says that they are encrypted."""
    raw = bytearray(zipped(("a.png", picture())))
    raw[6] |= flag
    raw[raw.index(b"PK\x01\x02") + 8] |= flag
    return bytes(raw)


def zip_overlapping() -> bytes:
    """A thousand names in the directory for the very same bytes."""
    raw = zipped(("0000.png", bytes(10 * 2**20)))
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[start:end]
    entries = b"".join(entry.replace(b"0000.png", b"%04d.png" % number) for number in range(1000))
    return (
        raw[:start] + entries + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1000, 1000, len(entries), start, 0)
    )


def nifti(**fields: object) -> bytes:
    """A NIfTI-1 file of 4 x 4 x 4 voxels, with some fields of its header changed."""
    values: dict[str, object] = {
        "dim": (3, 4, 4, 4, 1, 1, 1, 1), "datatype": 4, "bitpix": 16, "pixdim": (1.0,) * 8, "offset": 352.0,
        "slope": 1.0, "srow": (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0), "magic": b"n+1\0",
        "body": bytes(128),
    } | fields  # fmt: skip
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, *values["dim"])  # type: ignore[misc]
    struct.pack_into("<hh", head, 70, values["datatype"], values["bitpix"])
    struct.pack_into("<8f", head, 76, *values["pixdim"])  # type: ignore[misc]
    struct.pack_into("<ff", head, 108, values["offset"], values["slope"])
    struct.pack_into("<hh", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *values["srow"])  # type: ignore[misc]
    head[344:348] = values["magic"]  # type: ignore[assignment]
    return bytes(head) + values["body"]  # type: ignore[operator]


NAN = float("nan")
FILES: dict[str, Maker] = {
    "empty.png": lambda: b"",
    "empty.dcm": lambda: b"",
    "noise.png": lambda: np.random.default_rng(1).bytes(5000),
    "noise.dcm": lambda: np.random.default_rng(2).bytes(5000),
    "cut.png": lambda: picture()[:-40],
    "cut.jpg": lambda: picture("JPEG")[:400],
    "cut.tif": lambda: picture("TIFF", compression="tiff_lzw")[:300],
    "cut.webp": lambda: picture("WEBP")[:90],
    "wide.png": lambda: png(50_000, 50_000, chunk(b"IDAT", zeros(1))),
    "no_pixels.png": lambda: png(64, 64),
    "zero_by_zero.png": lambda: png(0, 0, chunk(b"IDAT", zeros(1))),
    "text_bomb.png": lambda: with_chunk(chunk(b"zTXt", b"k\0\0" + zeros(BOMB_MB))),
    "profile_bomb.png": lambda: with_chunk(chunk(b"iCCP", b"k\0\0" + zeros(BOMB_MB))),
    "data_bomb.png": lambda: png(8, 8, chunk(b"IDAT", zeros(BOMB_MB))),
    "long_chunk.png": lambda: picture()[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(99),
    "palette_short.png": lambda: png(64, 64, chunk(b"PLTE", bytes(3)), chunk(b"IDAT", zeros(1)), colour=3),
    "animated.png": animated_png,
    "frames.gif": gif,
    "loop.tif": lambda: tiff(tiff_of(8, 8), next_ifd=8),
    "endless.tif": tiff_endless,
    "wide.tif": lambda: tiff(tiff_of(2**31 - 1, 2**31 - 1)),
    "no_strip.tif": lambda: tiff(tiff_of(8, 8, at=2**31)),
    "many_values.tif": lambda: tiff([*tiff_of(8, 8), (320, 3, 2**32 - 1, 0)]),
    "bomb.tif": tiff_bomb,
    "loop.svs": lambda: tiff([*tiff_of(8, 8), (322, 4, 1, 1), (323, 4, 1, 1)], next_ifd=8),
    "no_tags.tif": lambda: tiff([]),
    "wide.jpg": lambda: jpeg_of(65_535, 65_535),
    "tall.jpg": lambda: jpeg_of(64, 0),
    "larger_than_told.jpg": lambda: jpeg_of(4096, 4096),
    "scans.jpg": jpeg_scans,
    "profile_broken.jpg": lambda: picture("JPEG", icc_profile=b"no profile" * 50),
    "exif_broken.jpg": lambda: picture("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 900),
    "ink.jpg": lambda: picture("JPEG", mode="CMYK"),
    "deep.png": lambda: picture(mode="I;16"),
    "clear.png": lambda: picture(mode="RGBA"),
    "canvas.webp": lambda: webp_of(2**24, 2**24),
    "wide.bmp": lambda: bmp_of(2**31 - 1, 2**31 - 1),
    "upside_down.bmp": lambda: bmp_of(8, -(2**31)),
    "negative.bmp": lambda: bmp_of(-8, 8, body=bytes(99)),
    "packed.bmp": lambda: bmp_of(7_000, 7_000, bits=8, compression=1, body=b"\xff\0" * 5000),
    "drawing.png": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    ),
    "postscript.png": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "page.png": lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    "site.png": lambda: b"<!DOCTYPE html><html><img src=//example.org></html>",
    "entities.png": lambda: b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>',
    "two_in_one.png": lambda: picture() + zipped(("evil.png", picture())),
    "slip.zip": lambda: zipped(("../../outside.png", picture()), ("ok.png", picture())),
    "rooted.zip": lambda: zipped(("/tmp/outside.png", picture()), ("C:\\outside.png", picture())),
    "link.zip": zip_link,
    "bomb.zip": zip_bomb,
    "nested.zip": zip_nested,
    "lies.zip": zip_lies,
    "locked.zip": lambda: zip_flagged(1),
    "overlapping.zip": zip_overlapping,
    "crowd.zip": lambda: zipped(("a.png", picture()), *((f"{number}/", b"") for number in range(30_000))),
    "twice.zip": lambda: zipped(("a.png", picture()), ("a.png", picture("JPEG"))),
    "cut.zip": lambda: zipped(("a.png", picture()))[:-30],
    "cut.nii": lambda: nifti()[:200],
    "short.nii": lambda: nifti(dim=(3, 400, 400, 400, 1, 1, 1, 1)),
    "giant.nii": lambda: nifti(dim=(7, *(32_767,) * 7)),
    "negative.nii": lambda: nifti(dim=(3, -4, 4, 4, 1, 1, 1, 1)),
    "flat.nii": lambda: nifti(dim=(3, 0, 0, 0, 0, 0, 0, 0)),
    "many_axes.nii": lambda: nifti(dim=(99, 4, 4, 4, 1, 1, 1, 1)),
    "no_type.nii": lambda: nifti(datatype=0),
    "complex.nii": lambda: nifti(datatype=32, bitpix=64, body=bytes(512)),
    "far.nii": lambda: nifti(offset=2.0**31),
    "nowhere.nii": lambda: nifti(offset=NAN, srow=(NAN,) * 12, pixdim=(NAN,) * 8),
    "magic.nii": lambda: nifti(magic=b"xxxx"),
    "bomb.nii.gz": lambda: (
        gzip.compress(nifti(dim=(3, 32_767, 32_767, 1, 1, 1, 1, 1))) + zeros(BOMB_MB, bits=31)
    ),
    "cut.nii.gz": lambda: gzip.compress(nifti())[:60],
}
