"""Texts -> what a model is asked, and its reply -> their translations. Sentences: `prompt.yaml`."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

from doctorsun.core.chat import Request
from doctorsun.core.schema import Lang, Message, Part
from doctorsun.data.translation.terms import Named

_THOUGHT = re.compile(r"^\s*<think>.*?</think>", flags=re.DOTALL)
_FENCE = re.compile(r"^```\w*\s*|\s*```$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LEAST_ROOM, _JSON_ROOM = 96, 8


def request(
    words: Sequence[str], source: Lang, target: Lang, *, terms: Sequence[Named] = (), fault: str | None = None
) -> Request:
    """What a model is asked to translate some strings; `fault` is what its last reply got wrong."""
    said = _sentences()
    values = {
        "source": said["languages"][source],
        "target": said["languages"][target],
        "number": len(words),
    }
    lines = [said["translate"].format(**values)]
    if terms:
        lines += [said["terms"], *(f"{term.found} = {term.wordings[0]}" for term in terms)]
    again = said["again"].get((fault or "").removeprefix("data."))
    if again:
        lines.append(again.format(**values))
    asked = json.dumps(list(words), ensure_ascii=False)
    messages = (
        Message("system", (Part("text", "\n".join(lines)),)),
        Message("user", (Part("text", asked),)),
    )
    return Request(messages, max_new_tokens=_room(words))


def read(reply: str, number: int) -> list[str] | None:
    """The translations in a reply; null where they are not of the number asked for."""
    text = _FENCE.sub("", _THOUGHT.sub("", reply).strip()).strip()
    start, end = text.find("["), text.rfind("]")
    if 0 <= start < end:
        try:
            found = json.loads(text[start : end + 1])
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and len(found) == number and all(isinstance(one, str) for one in found):
            return [one.strip() for one in found]
    plain = number == 1 and text and text[0] not in "[{"
    return [text] if plain else None


def tokens(text: str) -> int:
    """About how many tokens a text is: 0.8 a Han character, else one for 4 characters."""
    han = len(_HAN.findall(text))
    return round(0.8 * han + (len(text) - han) / 4) + 1


def _room(words: Sequence[str]) -> int:
    """Enough tokens for a translation and a half."""
    return _LEAST_ROOM + sum(2 * tokens(one) + _JSON_ROOM for one in words)


@cache
def _sentences() -> dict[str, Any]:
    text = resources.files("doctorsun.data.translation").joinpath("prompt.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
