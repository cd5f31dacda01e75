"""How large a compressed frame says it is, before a decoder believes it."""

_SOI = b"\xff\xd8"
_END = b"\xff\xd9"
_PADDING = 16
_SOC_SIZ = b"\xff\x4f\xff\x51"
_JP2 = b"\0\0\0\x0cjP  "
_BOX_HEAD = 8
_CODESTREAM = b"jp2c"
# Start of frame: baseline to lossless (ITU-T T.81 B.1.1.3) and JPEG-LS (ITU-T T.87 C.1.1).
_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_ALONE = {0x01, *range(0xD0, 0xD9)}


def declared_size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 frame declares; null for other codings.

    ValueError when the frame ends before it does.
    """
    if frame.startswith(_SOI):
        return _jpeg_size(frame)
    if frame.startswith(_JP2):
        frame = _inside_jp2(frame)
    if frame.startswith(_SOC_SIZ):
        # Size of the reference grid less the offset of the picture (ISO 15444-1 A.5.1).
        columns, rows, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        return rows - top, columns - left
    return None


def _inside_jp2(frame: bytes) -> bytes:
    """The codestream in a frame with a JP2 head, which the standard forbids (PS3.5 A.4.4) and files have.

    ValueError where a box has no length: pydicom's own search for the codestream would never end there.
    """
    at = 0
    while at + _BOX_HEAD <= len(frame):
        length, kind = int.from_bytes(frame[at : at + 4], "big"), frame[at + 4 : at + _BOX_HEAD]
        if kind == _CODESTREAM:
            return frame[at + _BOX_HEAD : at + _BOX_HEAD + 64]
        if length < _BOX_HEAD:
            break
        at += length
    raise ValueError("no codestream in its boxes")


def is_ended(frame: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 frame has its end marker, but for padding."""
    return _END in frame[-_PADDING:]


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(frame):
        if frame[at] != 0xFF:
            raise ValueError("no marker")
        marker = frame[at + 1]
        if marker in _SOF:
            return int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(
                frame[at + 7 : at + 9], "big"
            )
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    raise ValueError("no start of frame")
