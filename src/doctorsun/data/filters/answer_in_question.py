"""The question does not give its answer away."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.answer_in_question"
# An answer this long that stands in its question is a copy; a short one may be a choice that was offered.
COPY_CHARS = 30
_OFFERED = re.compile(
    r"\bor\b|\bversus\b|\bvs\b|还是|或者|或|[、/:：]|\boptions?\b|选项|\?.*\?", re.IGNORECASE
)
_LEAST = {"zh": 4, "en": 12}


def fault(seen: Seen) -> bool:
    """Whether the answer is the question again, or stands in it where nothing is offered to choose from."""
    text = seen.text
    if text.kind == "choice" or text.choices:
        return False
    asked, said = (re.sub(r"\W+", "", words).lower() for words in (text.question or "", text.answer))
    if not said or not asked:
        return False
    if asked == said or (len(said) >= max(COPY_CHARS, len(asked) // 2) and said in asked):
        return True
    given = text.task == "vqa" and text.kind == "open" and len(said) >= _LEAST.get(text.lang, COPY_CHARS)
    return given and said in asked and not _OFFERED.search(text.question or "")
