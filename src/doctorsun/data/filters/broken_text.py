"""The characters are those the writer meant."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.broken_text"
# Control characters, half surrogates, the mark of an undecodable byte, what GBK makes of such marks, and what
# Windows-1252 makes of the quotes and dashes of UTF-8.
_BROKEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffd]|锟斤拷|烫烫烫|\u00e2\u20ac[\u2122\u02dc\u0153\u009d\u201c\u201d\u00a6\u00a2]"
)


def fault(seen: Seen) -> bool:
    """Whether any character is broken."""
    return bool(_BROKEN.search(seen.whole))
