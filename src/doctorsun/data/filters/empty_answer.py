"""There is an answer."""

from doctorsun.data.filtering import Seen

REASON = "data.empty_answer"
# How programs write that a cell holds nothing; "none" may be an answer.
_NOTHING = {"nan", "n/a", "#n/a", "null"}


def fault(seen: Seen) -> bool:
    """Whether the answer holds no letter and no number, or a program's word for nothing."""
    answer = seen.text.answer.strip()
    return answer.lower() in _NOTHING or not any(char.isalnum() or char in "+-±" for char in answer)
