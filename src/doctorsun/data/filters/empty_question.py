"""A question that is there says something."""

from doctorsun.data.filtering import Seen

REASON = "data.empty_question"


def fault(seen: Seen) -> bool:
    """Whether there is a question without a word; a caption has none, which is no fault."""
    return seen.text.question is not None and not any(map(str.isalnum, seen.text.question))
