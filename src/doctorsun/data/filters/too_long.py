"""The words fit what the recipe allows."""

from doctorsun.data.filtering import Seen

REASON = "data.too_long"


def fault(seen: Seen) -> bool:
    """Whether question, answer and earlier turns together are longer than `text.max_chars`."""
    return len(seen.whole) > seen.limits.max_chars
