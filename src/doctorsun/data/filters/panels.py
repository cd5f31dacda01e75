"""A caption of one picture does not speak of panels that are not shown."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.panels"
_LABEL = re.compile(
    r"[(（]\s*([a-h])\s*(?:[,、-]\s*([a-h])\s*)?[)）]|(?:^|[.;。；]\s)([A-H])\s*[:：,)]\s", re.IGNORECASE
)
_PANEL = re.compile(
    r"\b(?:panels?|subfigures?)\s+\(?[a-h]\b|\b(?:left|right|upper|lower|top|bottom|middle)\s+(?:panel|row|column)s?\b"
    r"|(?:左|右|上|下|中)(?:图|排|列)(?:为|示|显示|：|:|，|是)|图\s*[A-H](?![A-Za-z])",
    re.IGNORECASE,
)


def fault(seen: Seen) -> bool:
    """Whether a caption with one picture tells two panels apart."""
    text = seen.text
    if text.task != "caption" or seen.pictures != 1:
        return False
    labels = {label.lower() for found in _LABEL.findall(text.answer) for label in found if label}
    return len(labels) > 1 or bool(_PANEL.search(text.answer))
