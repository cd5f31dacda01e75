"""The language code is one that Doctor Sun speaks."""

from doctorsun.data.filtering import Seen

REASON = "data.unknown_language"


def fault(seen: Seen) -> bool:
    """Whether the code is neither zh nor en."""
    return seen.text.lang not in ("zh", "en")
