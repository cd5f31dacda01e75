"""A DICOM file opened for reading: on disk as it is, packed ones (zip, gzip, deflated) unpacked in memory."""

import io
import zlib
from typing import BinaryIO

from doctorsun.core.errors import RecordError
from doctorsun.imaging.archive import Entry
from doctorsun.imaging.study import USUAL_LIMITS, StudyLimits

GZIP_MAGIC = b"\x1f\x8b"
_HEAD = 1024
_MAGIC_AT = 128
_META_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"
# What may always be unpacked (a film of masks packs well), and beyond it how many times the packed size.
_ALWAYS_BYTES = 256 * 2**20
_RATIO = 20
_CHUNK = 2**18
_GZIP_BITS = 31
_RAW_BITS = -15


def open_dicom(entry: Entry, limits: StudyLimits = USUAL_LIMITS) -> BinaryIO:
    """The file as an ordinary, seekable one; RecordError where it does not unpack within the limits."""
    if entry.path is None and entry.size > limits.max_bytes:
        raise _too_large(entry.name, limits.max_bytes)
    file = entry.open()
    head = file.read(_HEAD)
    file.seek(0)
    is_gzip = head.startswith(GZIP_MAGIC)
    if not is_gzip and not (head[_MAGIC_AT : _MAGIC_AT + 4] == b"DICM" and _DEFLATED in head):
        return file
    with file:
        raw = file.read(min(limits.max_bytes, entry.size))
    if is_gzip:
        return _unpacked(b"", raw, _GZIP_BITS, entry.name)
    return _inflated(raw, entry.name)


def _inflated(raw: bytes, where: str) -> BinaryIO:
    """A deflated file (DICOM PS3.5 A.5) as the explicit little endian one that it packs."""
    start = _MAGIC_AT + 4
    if raw[start : start + 8] != _META_LENGTH:
        raise RecordError("imaging.bad_dicom", where=where)
    end = start + 12 + int.from_bytes(raw[start + 8 : start + 12], "little")
    return _unpacked(raw[:end].replace(_DEFLATED, _EXPLICIT), raw[end:], _RAW_BITS, where)


def _unpacked(head: bytes, packed: bytes, bits: int, where: str) -> BinaryIO:
    """The head and what is packed, in memory; RecordError where it swells beyond all reason."""
    most = max(_ALWAYS_BYTES, _RATIO * len(packed))
    stream = zlib.decompressobj(bits)
    plain = io.BytesIO()
    plain.write(head)
    try:
        for at in range(0, len(packed), _CHUNK):
            waiting = packed[at : at + _CHUNK]
            while waiting and not stream.eof:
                plain.write(stream.decompress(waiting, _CHUNK))
                waiting = stream.unconsumed_tail
                if plain.tell() > most:
                    raise _too_large(where, most)
    except zlib.error:
        raise RecordError("imaging.bad_dicom", where=where) from None
    plain.seek(0)
    return plain


def _too_large(where: str, most: int) -> RecordError:
    return RecordError("imaging.file_too_large", where=where, found=f"> {most >> 20}", limit=most >> 20)
