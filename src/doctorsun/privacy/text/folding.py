"""Text as the recognisers see it: plain width, no hidden characters, no accents, simplified characters.

Every character of the folded text comes from one character of the original, so places can be taken back.
The table of traditional characters is short (names and labels); there is no full converter.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from doctorsun.privacy.text.lexicon import words

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
HANZI = "\u3400-\u9fff"


@dataclass(frozen=True, slots=True)
class Folded:
    """A text for matching; `origin[i]` is the place of its character i, null where both agree."""

    text: str
    origin: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Start and end in the original text."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """The folded text with its places in the original."""
    if text.isascii():
        return Folded(text, None)
    plain = text.translate(_table())
    if not _HIDDEN.search(plain):
        return Folded(plain, None)
    origin = [at for at, char in enumerate(plain) if not _HIDDEN.match(char)]
    return Folded("".join(plain[at] for at in origin), origin)


@cache
def _table() -> dict[int, str]:
    """One character for one: width, spaces, dashes, quotes, accents, traditional characters."""
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys([0x3000, 0xA0, 0x202F, 0x205F, *range(0x2000, 0x200B)], " ")
    table |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE63], "-")
    table |= {0x2018: "'", 0x2019: "'", 0x02BC: "'", 0x2236: ":", 0xFE55: ":", 0x2024: "."}
    for code in [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]:
        base = unicodedata.normalize("NFKD", chr(code))[:1]
        if base.isascii() and base.isalpha():
            table[code] = base
    table |= {0xD8: "O", 0xF8: "o", 0x141: "L", 0x142: "l", 0x131: "i"}
    table |= {ord(pair[0]): pair[1] for pair in words("traditional")}
    return table
