"""A caption or a report says more than a figure's number."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.too_short"
LEAST = {"zh": 4, "en": 10}
_NUMBER = re.compile(r"^\s*(?:fig(?:ure|\.)?|图)\s*\d+[a-z]?\s*[.:：]?\s*", re.IGNORECASE)


def fault(seen: Seen) -> bool:
    """Whether a caption or report, its figure number left out, is shorter than a phrase."""
    if seen.text.task not in ("caption", "report"):
        return False
    return len(_NUMBER.sub("", seen.text.answer).strip()) < LEAST.get(seen.text.lang, 0)
