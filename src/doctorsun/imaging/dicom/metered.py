"""A file that counts what its reader asks for, so that a header made to hurt is left early."""

from typing import BinaryIO

from doctorsun.imaging.study import StudyLimits

_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_ITEM_END = b"\xfe\xff\x0d\xe0"
# The start of an element or an item: tag and length, or tag, VR and a short length.
_START_BYTES = 8
_READS_PER_ELEMENT = 40
_LARGEST_BYTES_PER_ELEMENT = 320


class Metered:
    """A file for pydicom: ValueError beyond the limits of elements, of depth, of the size of one value.

    Elements are counted by reads, nested ones too. A value longer than the file is not asked of the system,
    which would set its length aside first.
    """

    def __init__(self, file: BinaryIO, limits: StudyLimits) -> None:
        self._read = file.read
        self.seek = file.seek
        self.tell = file.tell
        self._reads = self._depth = 0
        self._most_depth = limits.max_depth
        self._most_reads = limits.max_elements * _READS_PER_ELEMENT
        self._largest = limits.max_elements * _LARGEST_BYTES_PER_ELEMENT

    def read(self, count: int = -1) -> bytes:
        """As of the file, within the limits."""
        self._reads += 1
        if self._reads > self._most_reads or not 0 <= count <= self._largest:
            raise ValueError("beyond the limits")
        raw = self._read(count)
        if count == _START_BYTES:
            if raw[:2] == _ITEM[:2]:
                self._nest(raw)
        elif count > _START_BYTES and len(raw) < count:
            raise EOFError("cut short")
        return raw

    def _nest(self, start: bytes) -> None:
        """One level down at an item of undefined length, one up at its end."""
        if start == _ITEM:
            self._depth += 1
            if self._depth > self._most_depth:
                raise ValueError("too deep")
        elif start.startswith(_ITEM_END):
            self._depth -= 1
