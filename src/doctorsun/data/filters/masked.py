"""An answer does not hold the masks that its de-identification left: a model would learn to write them."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.masked"
_MASK = re.compile(r"\bX{4,}\b|\[\*\*[^*]{0,60}\*\*\]|\b_{3}\b")


def fault(seen: Seen) -> bool:
    """Whether a report or another free text has a mask in its answer."""
    return seen.text.task in ("report", "caption", "qa") and bool(_MASK.search(seen.text.answer))
