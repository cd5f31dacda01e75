"""Compressed frames without what no decoder needs: comments, application segments, bytes after the end."""

import struct
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import UID, RLELossless

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
# Adobe (APP14) and HP (APP8, in JPEG-LS) tell the colour transform: of those two the fixed head stays.
_ADOBE = (0xEE, b"Adobe", 12)
_SPIFF_COLOUR = (0xE8, b"mrfx", 5)
_ALONE = {0x01, *range(0xD0, 0xD8)}
_J2K = b"\xff\x4f\xff\x51"
_J2K_SOT, _J2K_COM = 0x90, 0x64
_JP2 = b"\0\0\0\x0cjP  "
_SOT_BYTES = 12
_RLE_HEAD, _NO_RUN = 64, 128


def strip_streams(dataset: Dataset) -> bool:
    """Rewrite the frames of a compressed data set bare; whether any became shorter.

    ValueError where a frame is cut or damaged: then nobody can say what its bytes hold.
    """
    if "PixelData" not in dataset or not UID(dataset.file_meta.TransferSyntaxUID).is_compressed:
        return False
    number = int(dataset.get("NumberOfFrames") or 1)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=number))
    if dataset.file_meta.TransferSyntaxUID == RLELossless:
        plane = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
        made = [bare_rle(frame, plane) for frame in frames]
    else:
        made = [bare(frame) for frame in frames]
    # Anew in any case: items that no frame counts, and the table of offsets, hold what their writer likes.
    if "ExtendedOffsetTable" in dataset:
        whole, offsets, lengths = encapsulate_extended(made)
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
        dataset["PixelData"].value = whole
    else:
        dataset["PixelData"].value = encapsulate(made)
    return any(len(old.rstrip(b"\0")) > len(new) for old, new in zip(frames, made, strict=True))


def bare(frame: bytes) -> bytes:
    """One JPEG, JPEG-LS or JPEG 2000 frame as short as it decodes; another coding as it is.

    ValueError where its segments do not add up.
    """
    if frame.startswith(_JP2):
        return _bare_j2k(_inside(frame))
    if frame.startswith(_J2K):
        return _bare_j2k(frame)
    if frame.startswith(b"\xff\xd8\xff"):
        return b"".join(_jpeg_parts(frame))
    return frame


def bare_rle(frame: bytes, plane: int) -> bytes:
    """An RLE frame whose segments end where `plane` bytes are unpacked (PS3.5 G); ValueError where cut."""
    number, *starts = struct.unpack_from("<16L", frame)
    if not 0 < number < len(starts) + 1:
        raise ValueError("no segments")
    ends = [*starts[1:number], len(frame)]
    segments = [
        frame[start : _unpacked(frame, start, end, plane)]
        for start, end in zip(starts[:number], ends, strict=True)
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    places = [_RLE_HEAD + sum(map(len, segments[:at])) for at in range(number)]
    head = struct.pack("<16L", number, *places, *([0] * (15 - number)))
    return head + b"".join(segments)


def _unpacked(frame: bytes, at: int, end: int, plane: int) -> int:
    """Where the runs that make `plane` bytes end."""
    made = 0
    while made < plane:
        if at >= end:
            raise ValueError("cut")
        run = frame[at]
        if run < _NO_RUN:
            made, at = made + run + 1, at + run + 2
        elif run > _NO_RUN:
            made, at = made + 257 - run, at + 2
        else:
            at += 1
    return at


def _jpeg_parts(frame: bytes) -> Iterator[bytes]:
    """The parts of a JPEG or JPEG-LS stream that stay (ITU-T T.81 B.1, T.87 C.1)."""
    yield frame[:2]
    lossless = b"\xff\xf7" in frame[: 1 << 16]
    at = 2
    while at + 2 <= len(frame):
        if frame[at] != 0xFF:
            raise ValueError("no marker")
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == _EOI:
            yield frame[at : at + 2]
            return
        elif marker in _ALONE:
            yield frame[at : at + 2]
            at += 2
        else:
            end = at + 2 + _length(frame, at)
            yield from _segment(frame[at:end], marker)
            at = end
            if marker == _SOS:
                end = _scan_end(frame, at, stuffed=0x7F if lossless else 0)
                yield frame[at:end]
                at = end
    raise ValueError("no end")


def _segment(segment: bytes, marker: int) -> Iterator[bytes]:
    """A segment that decoding needs; of the two that tell the colour transform only their fixed head."""
    for number, name, size in (_ADOBE, _SPIFF_COLOUR):
        if marker == number and segment[4:].startswith(name):
            yield segment[:2] + struct.pack(">H", size + 2) + segment[4 : 4 + size]
            return
    if marker != _COM and marker not in _APPLICATION:
        yield segment


def _length(frame: bytes, at: int) -> int:
    if at + 4 > len(frame):
        raise ValueError("cut")
    length = int(struct.unpack_from(">H", frame, at + 2)[0])
    if length < 2 or at + 2 + length > len(frame):
        raise ValueError("cut")
    return length


def _scan_end(frame: bytes, at: int, *, stuffed: int) -> int:
    """Where the next marker stands after a scan's data; 0xFF then at most `stuffed` belongs to the data."""
    while (at := frame.find(b"\xff", at)) >= 0 and at + 1 < len(frame):
        after = frame[at + 1]
        if after > stuffed and after not in _ALONE and after != 0xFF:
            return at
        at += 1 if after == 0xFF else 2
    raise ValueError("no end")


def _inside(frame: bytes) -> bytes:
    """The codestream of a frame with a JP2 head, which the standard forbids (PS3.5 A.4.4) and files have."""
    at = 0
    while at + 8 <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, at)
        if kind == b"jp2c":
            return frame[at + 8 : at + length if length else len(frame)]
        if length < 8:
            break
        at += length
    raise ValueError("no codestream")


def _bare_j2k(frame: bytes) -> bytes:
    """A JPEG 2000 codestream without comments and what follows its end (ISO 15444-1 A.4)."""
    parts, at = [frame[:2]], 2
    while at + 4 <= len(frame) and frame[at + 1] != _J2K_SOT:
        end = at + 2 + _length(frame, at)
        if frame[at] != 0xFF:
            raise ValueError("no marker")
        if frame[at + 1] != _J2K_COM:
            parts.append(frame[at:end])
        at = end
    while at + _SOT_BYTES <= len(frame) and frame[at : at + 2] == b"\xff\x90":
        length = int(struct.unpack_from(">I", frame, at + 6)[0])
        end = at + length if length else frame.rfind(b"\xff\xd9")
        if end <= at or end > len(frame):
            raise ValueError("cut")
        parts.append(_tile_part(frame[at:end], open_ended=length == 0))
        at = end
    if frame[at : at + 2] != b"\xff\xd9":
        raise ValueError("no end")
    return b"".join(parts) + b"\xff\xd9"


def _tile_part(part: bytes, *, open_ended: bool) -> bytes:
    """A tile-part without the comments of its head; its length is told anew."""
    kept, at = [part[:_SOT_BYTES]], _SOT_BYTES
    while part[at : at + 2] != b"\xff\x93":
        end = at + 2 + _length(part, at)
        if part[at] != 0xFF:
            raise ValueError("no marker")
        if part[at + 1] != _J2K_COM:
            kept.append(part[at:end])
        at = end
    whole = b"".join(kept) + part[at:]
    length = 0 if open_ended else len(whole)
    return whole[:6] + struct.pack(">I", length) + whole[10:]
