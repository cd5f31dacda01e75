"""The scan that looks for what was left: every known value of a record, in every byte of what is written.

A value is searched in UTF-8, GB 18030 and UTF-16 of both byte orders, in any case of its letters, and in
base64 at each of its three phases. How near its neighbours may stand depends on how short it is:

- two or more Han characters, six or more letters, eight or more digits: anywhere;
- four or five letters and digits, six or seven digits: not inside a longer word or number;
- shorter ones: only where a whole element equals them (`whole`);
- words that every hospital writes (`common_words.yaml`) are nobody's, and are not searched.

Samples of pictures are no text: there, a hit counts from six characters and six bytes on.
"""

import base64
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

_HAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_CODECS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
_SAMPLE_CHARACTERS = _SAMPLE_BYTES = 6
_BASE64_BYTES = 6
_PREFIX = 4
_CHUNK = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Value:
    """One identifying value of a record; `kind` says where it came from and may be counted and shown."""

    kind: str
    text: str


class _Needle(NamedTuple):
    raw: bytes
    kind: str
    text: str
    codec: str
    neighbours: str  # which neighbours make it part of something longer: "", "digits" or "letters"
    in_samples: bool


@cache
def common_words() -> frozenset[str]:
    """Words that every hospital writes and that tell nothing about a person."""
    text = resources.files("doctorsun.privacy").joinpath("common_words.yaml").read_text(encoding="utf-8")
    return frozenset(yaml.safe_load(text)["words"].split())


class Residual:
    """The known values of one record, ready to be searched."""

    def __init__(self, values: Iterable[Value]) -> None:
        common = common_words()
        self._whole: dict[str, str] = {}
        self._texts: dict[str, tuple[str, str]] = {}
        plain: dict[str, str] = {}
        coded: dict[str, str] = {}
        for value in values:
            text = _folded(value.text)
            if text in common or not any(character.isalnum() for character in text):
                continue
            self._whole.setdefault(text, value.kind)
            reach = _reach(text)
            if reach is not None:
                self._texts.setdefault(text, (value.kind, reach))
                own = value.text.strip()
                plain |= {own.casefold(): text, text: text}
                # Bytes are compared in small letters of ASCII only, base64 as it is.
                plain |= {} if text.isascii() else {text.upper(): text}
                coded |= {own: text, text: text, text.upper(): text}
        self._plain = _Index(one for own, text in plain.items() for one in self._plain_needles(own, text))
        self._coded = _Index(one for own, text in coded.items() for one in self._coded_needles(own, text))

    def in_text(self, text: str) -> str | None:
        """The kind of a known value that a text is or holds; null where there is none."""
        folded = _folded(text)
        if folded in self._whole:
            return self._whole[folded]
        for needle, (kind, reach) in self._texts.items():
            at = folded.find(needle)
            while at >= 0:
                if not _part_of_longer(folded[:at], folded[at + len(needle) :], reach):
                    return kind
                at = folded.find(needle, at + 1)
        return None

    def in_bytes(
        self, raw: bytes, *, samples: Sequence[range] = (), written: Collection[str] = ()
    ) -> Counter[str]:
        """How many known values stand in bytes, by kind.

        `samples` are the places of picture samples; `written` are values put there on purpose, such as
        shifted dates, that happen to equal a known one.
        """
        found: set[tuple[str, str]] = set()
        for index, hay in ((self._plain, raw.lower()), (self._coded, raw)):
            for at, needle in index.hits(hay):
                inside = any(at in place for place in samples)
                if (inside and not needle.in_samples) or needle.text in written:
                    continue
                if not _bounded(hay, at, needle):
                    found.add((needle.kind, needle.text))
        return Counter(kind for kind, _ in found)

    def _plain_needles(self, own: str, text: str) -> Iterable[_Needle]:
        kind, reach = self._texts[text]
        for codec in _CODECS:
            raw = _encoded(own, codec).lower()
            if len(raw) >= _PREFIX:
                han = codec == "utf-8" and _HAN.search(text) is not None
                sturdy = len(raw) >= _SAMPLE_BYTES and (han or len(text) >= _SAMPLE_CHARACTERS)
                yield _Needle(raw, kind, text, codec, reach, sturdy)

    def _coded_needles(self, own: str, text: str) -> Iterable[_Needle]:
        for raw in {_encoded(own, "utf-8"), _encoded(own, "gb18030")}:
            if len(raw) >= _BASE64_BYTES:
                for phase in range(3):
                    yield _Needle(_base64_core(raw, phase), self._texts[text][0], text, "ascii", "", True)


class _Index:
    """Needles by their first four bytes: two tables of byte pairs leave few places to look at."""

    def __init__(self, needles: Iterable[_Needle]) -> None:
        self._by_prefix: dict[bytes, list[_Needle]] = {}
        self._first = np.zeros(1 << 16, bool)
        self._second = np.zeros(1 << 16, bool)
        for needle in {needle.raw: needle for needle in needles}.values():
            self._by_prefix.setdefault(needle.raw[:_PREFIX], []).append(needle)
            self._first[needle.raw[0] << 8 | needle.raw[1]] = True
            self._second[needle.raw[2] << 8 | needle.raw[3]] = True

    def hits(self, hay: bytes) -> Iterable[tuple[int, _Needle]]:
        """Every place at which a needle stands."""
        if not self._by_prefix:
            return
        for start in range(0, len(hay), _CHUNK):
            for place in self._places(hay[start : start + _CHUNK + _PREFIX]):
                at = start + int(place)
                for needle in self._by_prefix.get(hay[at : at + _PREFIX], ()):
                    if hay.startswith(needle.raw, at):
                        yield at, needle

    def _places(self, part: bytes) -> NDArray[np.intp]:
        values = np.frombuffer(part, np.uint8).astype(np.uint16)
        if len(values) < _PREFIX:
            return np.zeros(0, np.intp)
        pairs = values[:-1] << 8 | values[1:]
        found = np.flatnonzero(self._first[pairs[:-2]])
        told: NDArray[np.intp] = found[self._second[pairs[found + 2]]]
        return told


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _reach(text: str) -> str | None:
    """Which neighbours make a value part of something longer; null where it only counts as a whole."""
    if len(_HAN.findall(text)) >= 2:
        return ""
    core = re.sub(r"[\W_]+", "", text)
    if core.isdigit():
        return "" if len(core) >= 8 else "digits" if len(core) >= 6 else None
    return "" if len(core) >= 6 else "letters" if len(core) >= 4 else None


def _part_of_longer(before: str, after: str, reach: str) -> bool:
    if not reach:
        return False
    if reach == "digits":
        return bool(re.search(r"\d\.?$", before) or re.match(r"\.?\d", after))
    return bool(re.search(r"[a-z0-9]$", before) or re.match(r"[a-z0-9]", after))


def _bounded(hay: bytes, at: int, needle: _Needle) -> bool:
    """Whether a hit is part of a longer word or number."""
    if not needle.neighbours:
        return False
    width = 2 if needle.codec.startswith("utf-16") else 1
    end = at + len(needle.raw)
    before = hay[max(0, at - 2 * width) : at].decode(needle.codec, errors="replace")
    after = hay[end : end + 2 * width].decode(needle.codec, errors="replace")
    return _part_of_longer(before, after, needle.neighbours)


def _encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, errors="ignore")


def _base64_core(raw: bytes, phase: int) -> bytes:
    """What base64 writes of `raw` after `phase` other bytes, without the characters those bytes colour."""
    coded = base64.b64encode(b"\0" * phase + raw)
    start = (phase * 8 + 5) // 6
    return coded[start : (phase + len(raw)) * 8 // 6]
