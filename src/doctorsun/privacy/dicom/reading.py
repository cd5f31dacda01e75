"""DICOM bytes -> data set, whatever wrote them: texts in any charset, faults as one clear refusal."""

import math
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from doctorsun.core.errors import RecordError
from doctorsun.privacy.dicom.table import standard_vr

# What pydicom raises on damaged files.
DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    AssertionError,
    LookupError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_ONE_BYTE = {"iso8859", "latin_1", "latin-1", "ascii", "iso8859_1"}
_MAGIC = slice(128, 132)
_CHARSET_VRS = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
# Texts that hold one value, in which a backslash is a backslash.
_WHOLE_VRS = {"LT", "ST", "UT"}
_STOPS = frozenset("，。；：、（）《》“”·！？")
_GUESSES = ("utf-8", "gb18030")
# GB 2312 text: every byte above ASCII has a neighbour above ASCII; western accents stand alone.
_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*")
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")


@dataclass(frozen=True, slots=True)
class Source:
    """A data set in which every element can be read, and how many could not and were dropped."""

    dataset: Dataset
    unreadable: int


def read_dicom(raw: bytes, *, where: str = "", max_depth: int = 32, max_elements: int = 500_000) -> Source:
    """The data set of a file.

    RecordError `privacy.no_dicom`, `.dicom_damaged`, `.dicom_directory`, `.dicom_unnamed`, `.too_deep` or
    `.too_many_elements`.
    """
    if raw[_MAGIC] != b"DICM" and raw[:2] not in _FIRST_GROUPS:
        raise RecordError("privacy.no_dicom", where=where)
    settling = _Settling(where, max_depth, max_elements)
    try:
        dataset = dcmread(BytesIO(raw), force=True)
        settling.level(dataset)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = _syntax(*dataset.original_encoding)
        short = _is_short(dataset)
    except DAMAGE:
        raise RecordError("privacy.dicom_damaged", where=where) from None
    if short:
        raise RecordError("privacy.dicom_damaged", where=where)
    if "DirectoryRecordSequence" in dataset:
        raise RecordError("privacy.dicom_directory", where=where)
    if not dataset.get("SOPClassUID") or not dataset.get("SOPInstanceUID"):
        raise RecordError("privacy.dicom_unnamed", where=where)
    return Source(dataset, settling.unreadable)


@dataclass(slots=True)
class _Settling:
    """Reads every element once: texts in their true charset, without what cannot be read."""

    where: str
    max_depth: int
    max_elements: int
    unreadable: int = 0
    met: int = 0

    def level(self, dataset: Dataset, depth: int = 0) -> None:
        if depth > self.max_depth:
            raise RecordError("privacy.too_deep", where=self.where)
        _settle_charset(dataset)
        for tag in list(dataset.keys()):
            self.met += 1
            if self.met > self.max_elements:
                raise RecordError("privacy.too_many_elements", where=self.where)
            try:
                element = dataset[tag]
                value = element.value
            except DAMAGE:
                del dataset[tag]
                self.unreadable += 1
                continue
            for item in value or () if element.VR == "SQ" else ():
                self.level(item, depth + 1)


def _is_short(dataset: Dataset) -> bool:
    """Whether native samples are fewer than the header says: the file was cut."""
    if "PixelData" not in dataset or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return False
    named = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    bits = math.prod(int(dataset.get(name) or 0) for name in named) * int(dataset.get("NumberOfFrames") or 1)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits * 2 // 3
    return len(dataset.PixelData) < bits // 8


def _syntax(implicit: bool | None, little: bool | None) -> str:
    """The native transfer syntax in which a file without a head was found to be written."""
    return str(
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    )


def _settle_charset(dataset: Dataset) -> None:
    """Put every text of one level in its true words, also where the data set declares a wrong charset.

    Each text for itself: one header can hold several charsets, and wrong words hide what they say.
    """
    declared = dataset.original_character_set or "iso8859"
    codec = declared if isinstance(declared, str) else next(iter(declared), "iso8859")
    odd = [(tag, vr, raw) for tag, vr, raw in _raw_texts(dataset) if not raw.isascii() and b"\x1b" not in raw]
    for tag, vr, raw in odd:
        true = _codec(raw, codec)
        if true != codec:
            words = raw.decode(true).rstrip("\0 ")
            many = vr not in _WHOLE_VRS and "\\" in words
            dataset[tag] = DataElement(tag, vr, words.split("\\") if many else words)


def _codec(raw: bytes, declared: str) -> str:
    """The charset of one text: UTF-8 where it gives Chinese, the declared one where it fits, else a guess.

    Two-byte UTF-8 alone (accents) can be GB 18030 by chance, three-byte UTF-8 hardly.
    """
    unicode = _decodes([raw], "utf-8")
    if unicode and (declared in _ONE_BYTE or any(char >= "\u2e80" for char in raw.decode("utf-8"))):
        return "utf-8"
    if declared not in _ONE_BYTE and _decodes([raw], declared):
        return declared
    if unicode:
        return "utf-8"
    chinese = _decodes([raw], "gb18030") and (declared not in _ONE_BYTE or _reads_chinese(raw))
    return "gb18030" if chinese else declared


def _reads_chinese(raw: bytes) -> bool:
    """Whether bytes said to be a character each are Chinese: accents stand alone, Chinese in pairs."""
    if _PAIRS.fullmatch(raw):
        return True
    strange = [char for char in raw.decode("gb18030") if not char.isascii()]
    if not all("\u4e00" <= char <= "\u9fff" or char in _STOPS for char in strange):
        return False
    alone = sum(min(char.encode("gb18030")[1:2]) < 0x80 for char in strange)
    return 2 * alone < len(strange)


def decoded(raw: bytes) -> str:
    """The text of bytes whose charset nobody states."""
    for guess in _GUESSES:
        if _decodes([raw], guess):
            return raw.decode(guess)
    return raw.decode("latin-1")


def _raw_texts(dataset: Dataset) -> Iterator[tuple[BaseTag, str, bytes]]:
    for tag in list(dataset.keys()):
        try:
            element: Any = dataset.get_item(tag)
        except DAMAGE:
            continue
        if element.is_raw and isinstance(element.value, bytes):
            vr = element.VR or standard_vr(tag)
            if vr in _CHARSET_VRS:
                yield tag, vr, element.value


def _decodes(texts: list[bytes], codec: str) -> bool:
    try:
        for text in texts:
            text.decode(codec)
    except (UnicodeError, LookupError):
        return False
    return True
