"""There is an answer."""

from doctorsun.data.filtering import Seen

REASON = "data.empty_answer"


def fault(seen: Seen) -> bool:
    """Whether the answer holds no letter and no number."""
    return not any(char.isalnum() or char in "+-±" for char in seen.text.answer)
