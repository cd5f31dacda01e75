"""A report as words to learn: from its picture, or, without one, from its findings to its impression."""

import re

from doctorsun.core.schema import Lang, Origin, Text
from doctorsun.language.sections import Sections, asked


def report_text(found: Sections, lang: Lang, *, key: str, origin: Origin = "human") -> Text | None:
    """The findings and the impression as an answer about pictures; null where there is neither."""
    words = found.report(lang) if found.findings or found.impression else ""
    return (
        Text(answer=words, lang=lang, task="report", kind="report", key=key, origin=origin) if words else None
    )


def conclusion_text(found: Sections, lang: Lang, *, seed: str, origin: Origin = "human") -> Text | None:
    """The impression as an answer to a question that holds the findings; null where one of them is missing.

    It needs no picture, since all that it speaks of stands in the question, worded by `seed`.
    """
    if not found.findings or not found.impression:
        return None
    question = asked("conclude", lang, seed=seed, findings=found.findings)
    return Text(
        answer=found.impression,
        lang=lang,
        task="qa",
        kind="open",
        question=question,
        key="conclusion",
        origin=origin,
    )


def unwrapped(text: str) -> str:
    """The text with the lines of a paragraph joined; numbered lines and blank ones still begin a new one."""
    lines = [line.strip() for line in text.strip().splitlines()]
    kept: list[str] = []
    for line in lines:
        begins = not line or not kept or not kept[-1] or re.match(r"(?:\d{1,2}[.)]|[-*•])\s", line)
        if begins:
            kept.append(line)
        else:
            kept[-1] = f"{kept[-1]} {line}"
    return re.sub(r"\n{2,}", "\n", "\n".join(kept))
