"""The words do not turn in circles, as texts of machines and broken scrapes do."""

import re
import zlib
from collections import Counter

from doctorsun.data.filtering import Seen

REASON = "data.repetition"
LEAST_CHARS = 200
DOUBLED_SHARE = 0.4
# Prose of either language packs to a third or a half; a loop packs to nothing.
PACKED_SHARE = 0.12
_RUN = re.compile(r"([^\s\d_.\-=*#~…·])\1{14,}")
_SENTENCE = re.compile(r"[^。！？.!?\n]{6,}")


def fault(seen: Seen) -> bool:
    """Whether one sign runs on, sentences stand several times, or the answer packs to nearly nothing."""
    answer = seen.text.answer
    if _RUN.search(answer):
        return True
    if len(answer) < LEAST_CHARS:
        return False
    sentences = Counter(part.strip().lower() for part in _SENTENCE.findall(answer))
    doubled = sum(len(part) * (number - 1) for part, number in sentences.items())
    if doubled > DOUBLED_SHARE * len(answer):
        return True
    raw = answer.encode()
    return len(zlib.compress(raw, 6)) < PACKED_SHARE * len(raw)
