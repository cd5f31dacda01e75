"""In which encoding a text file is: by its mark, by what decodes, and by which characters come out."""

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from doctorsun.core.errors import DataError
from doctorsun.data.counts import Counts

CHUNK = 2**20
SAMPLE = 2**18
# The long marks first: that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
KNOWN = ("UTF-8", "UTF-16", "GB18030", "Big5", "Windows-1252")
# Lead bytes of the everyday characters and the punctuation of each national standard, by its own tables.
EVERYDAY = {
    "gb18030": ("gb2312", (range(0xA1, 0xAA), range(0xB0, 0xD8))),
    "big5": ("big5", (range(0xA1, 0xC7),)),
}
# Of the characters outside ASCII: so many must be whole for UTF-8, be everyday ones for a Chinese encoding.
WHOLE, USUAL = 0.98, 0.5
# More bytes outside ASCII than this are no Western text, nor are three in a row, nor those without a letter.
WESTERN = 0.3
_NO_WORD = re.compile(rb"[\x80-\xff]{3}|[\x81\x8d\x8f\x90\x9d]")
BINARY = bytes([*range(9), 11, 12, *range(14, 32)])
_ASCII = frozenset(map(chr, range(128))) - frozenset(BINARY.decode("ascii"))
# Text of UTF-16 has at least one NUL in so many bytes, and nearly all characters are plain.
RARE_NUL, PLAIN = 400, 0.9


@dataclass(frozen=True, slots=True)
class Found:
    """An encoding, and whether every byte of what was looked at fits it."""

    name: str
    exact: bool = True


def detect(raw: bytes) -> Found | None:
    """The encoding of the text in `raw`; null where these are no letters of a known encoding."""
    name = _marked(raw) or _wide(raw[:SAMPLE])
    if name:
        return Found(name)
    if _binary(raw[:SAMPLE]):
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _guess(raw[max(0, error.start - SAMPLE) : error.start + SAMPLE])
    return Found("utf-8")


def detect_file(path: Path) -> Found:
    """The encoding of a file that is read piece by piece; DataError where it is no text or cannot be read."""
    try:
        with path.open("rb") as file:
            found = _detect_stream(file)
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    if found is None:
        raise DataError("data.bad_encoding", where=path.name, expected=", ".join(KNOWN))
    return found


def text_pieces(path: Path, counts: Counts) -> Iterator[str]:
    """The text of a file in pieces of about a million characters; its encoding is detected and told."""
    found = detect_file(path)
    tell(found, path.name, counts)
    decoder = codecs.getincrementaldecoder(found.name)(errors="replace")
    mark = True
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                text = decoder.decode(piece)
                yield text.removeprefix("\ufeff") if mark else text
                mark = False
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    yield decoder.decode(b"", final=True)


def decoded(raw: bytes, found: Found) -> str:
    """The text of `raw` without its mark; a byte that fits no character becomes U+FFFD."""
    return raw.decode(found.name, errors="replace").removeprefix("\ufeff")


def tell(found: Found, name: str, counts: Counts) -> None:
    """Count a file that is not plain UTF-8, with its name."""
    if found.name != "utf-8":
        family = found.name.removesuffix("-le").removesuffix("-be").replace("-", "_")
        counts.note(f"data.encoding_{family}", name)
    if not found.exact:
        counts.note("data.stray_bytes", name)


def _detect_stream(file: BinaryIO) -> Found | None:
    before, piece = b"", file.read(CHUNK)
    name = _marked(piece) or _wide(piece[:SAMPLE])
    if name:
        return Found(name)
    if _binary(piece[:SAMPLE]):
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            # `error.start` counts from what the decoder had kept back, at most three bytes.
            at = len(before) + max(0, error.start - 3)
            raw = before + piece
            return _guess(raw[max(0, at - SAMPLE) : at + SAMPLE])
        if not piece:
            return Found("utf-8")
        before, piece = piece[-SAMPLE:], file.read(CHUNK)


def _marked(raw: bytes) -> str | None:
    return next((name for mark, name in MARKS if raw.startswith(mark)), None)


def _wide(raw: bytes) -> str | None:
    """UTF-16 without its mark: half of each letter or line end is a NUL, and common characters result."""
    if raw.count(0) * RARE_NUL < len(raw):
        return None
    text = {name: raw.decode(name, errors="replace") for name in ("utf-16-le", "utf-16-be")}
    share = {name: _known(found) for name, found in text.items()}
    best = max(share, key=lambda name: share[name])
    return best if share[best] >= PLAIN else None


def _known(text: str) -> float:
    """The share of characters that are of ASCII or everyday ones of Chinese."""
    chars = Counter(text)
    known = sum(
        number
        for char, number in chars.items()
        if char in _ASCII or any(_everyday(char, n) for n in EVERYDAY)
    )
    return known / max(chars.total(), 1)


def _binary(raw: bytes) -> bool:
    """Whether more than a few stray bytes are such as no text has."""
    return len(raw) - len(raw.translate(None, BINARY)) > (1 - WHOLE) * len(raw)


def _guess(raw: bytes) -> Found | None:
    """The encoding of bytes that are not wholly UTF-8."""
    broken = raw.decode("utf-8", errors="replace")
    wide = sum(char > "\x7f" for char in broken)
    if wide - broken.count("\ufffd") >= WHOLE * wide:
        return Found("utf-8", exact=False)
    name = max(EVERYDAY, key=lambda name: _usual(raw, name))
    if _usual(raw, name) >= USUAL:
        return Found(name, exact="\ufffd" not in _without_ends(raw).decode(name, errors="replace"))
    western = sum(byte > 0x7F for byte in raw) <= WESTERN * len(raw) and not _NO_WORD.search(raw)
    return Found("cp1252") if western else None


def _usual(raw: bytes, name: str) -> float:
    """The share of the characters outside ASCII that are everyday ones of a Chinese encoding."""
    chars = Counter(char for char in raw.decode(name, errors="replace") if char > "\x7f")
    return sum(chars[char] for char in chars if _everyday(char, name)) / max(chars.total(), 1)


def _everyday(char: str, name: str) -> bool:
    table, leads = EVERYDAY[name]
    lead = char.encode(table, errors="ignore")[:1]
    return bool(lead) and any(lead[0] in each for each in leads)


def _without_ends(raw: bytes) -> bytes:
    """The whole lines of a sample: its ends may cut a character."""
    return raw[raw.find(b"\n") + 1 : raw.rfind(b"\n") + 1] if raw.count(b"\n") > 1 else raw
