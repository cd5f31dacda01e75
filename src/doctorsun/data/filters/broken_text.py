"""The characters are those the writer meant."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.broken_text"
# Control characters, half surrogates, the mark of an undecodable byte, and what GBK makes of such marks.
_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffd]|锟斤拷|烫烫烫")


def fault(seen: Seen) -> bool:
    """Whether any character is broken."""
    return bool(_BROKEN.search(seen.whole))
