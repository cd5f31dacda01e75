"""Greetings and farewells of consultation sites, which teach nothing, are taken off the ends of answers."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.boilerplate"
_OPENING = re.compile(
    r"^(?:\s*(?:"
    r"(?:hi|hello)\b[^.!?,\n]{0,40}[.!,\n]+"
    r"|thank(?:s| you)\b[^.!?\n]{0,90}"
    r"\b(?:query|question|asking|posting|contacting|consulting|writing)\b[^.!?\n]{0,60}[.!\n]+"
    r"|(?:您|你)好[!！,，。：:\s]*"
    r"|感谢(?:您|你)的(?:咨询|提问|信任)[!！,，。\s]*"
    r"))+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:\s*(?:"
    r"(?:i )?hope (?:this|i|that)[^.!?\n]{0,80}(?:help|useful|answer)[^.!?\n]{0,40}[.!]?"
    r"|(?:best |kind |warm )?(?:regards|wishes)[\s,]+dr\b[^\n]{0,40}"
    r"|take care[^.!?\n]{0,30}[.!]?"
    r"|(?:希望|但愿)(?:我的|以上|这个)?(?:回答|解答|建议|内容)[^。！!\n]{0,20}帮助[。！!]*"
    r"|祝(?:您|你)[^。！!\n]{0,15}(?:康复|健康|愉快|生活愉快)[。！!]*"
    r"|如有(?:疑问|问题)[^。！!\n]{0,20}(?:咨询|追问|联系)[^。！!\n]{0,6}[。！!]*"
    r"))+\s*$",
    re.IGNORECASE,
)


def mend(seen: Seen) -> str:
    """The answer without them, unless hardly anything would be left; short answers stay as they are."""
    answer = seen.text.answer.strip()
    if not seen.prose or seen.text.task not in ("qa", "dialogue") or len(answer) < _LEAST:
        return seen.text.answer
    shorter = _CLOSING.sub("", _OPENING.sub("", answer, count=1)).strip()
    return shorter if len(shorter) >= _LEAST // 2 else seen.text.answer


_LEAST = 40
