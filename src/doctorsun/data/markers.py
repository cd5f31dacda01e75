"""The places of images inside text, for formats that have no parts; and turns as those formats want them.

An image is written as `<image>` and a line break. The same word typed by a person would be read as an image,
so it gets a blank (`< image>`), and one that had blanks gets one more: nothing is lost, all can be undone.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from doctorsun.core.schema import Message, Part

PLACE = "<image>"
# What LLaVA, LLaMA-Factory and ms-swift replace by something else wherever it stands in a text.
_WORDS = "image|video|audio|bbox|ref-object|cot-process|start-image"
_TYPED = re.compile(rf"<( *)({_WORDS})>")
_APART = re.compile(rf"< ( *)({_WORDS})>")
_PLACES = re.compile(rf"({PLACE})\n?")


def escape(text: str) -> str:
    """The text with a blank in every word that a reader would take for the place of an image."""
    return _TYPED.sub(r"< \1\2>", text)


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    return _APART.sub(r"<\1\2>", text)


def typed(messages: Sequence[Message]) -> bool:
    """Whether any text holds such a word, so that `escape` changes it."""
    return any(_TYPED.search(message.text) for message in messages)


def marked(message: Message) -> str:
    """A turn as one text, its images as places in it, what a person typed escaped."""
    runs = groupby(message.content, key=lambda part: part.type == "image")
    return "".join(
        f"{PLACE}\n" * len(list(parts)) if image else escape("".join(part.text or "" for part in parts))
        for image, parts in runs
    )


def unmarked(text: str) -> tuple[Part, ...]:
    """The parts of a turn that `marked` wrote; texts that touched are one."""
    found = []
    for piece in _PLACES.split(text):
        if piece == PLACE:
            found.append(Part("image"))
        elif piece:
            found.append(Part("text", unescape(piece)))
    return tuple(found)


def folded(messages: Sequence[Message]) -> tuple[str | None, tuple[Message, ...]]:
    """The words of a leading system turn (null where there is none), and the turns after it."""
    if messages and messages[0].role == "system":
        return messages[0].text, tuple(messages[1:])
    return None, tuple(messages)


def alternate(messages: Sequence[Message]) -> bool:
    """Whether users and answers take turns, after a system turn of words at most, as templates demand."""
    turns = folded(messages)[1]
    roles = [message.role for message in turns]
    shown = len(turns) < len(messages) and any(part.type == "image" for part in messages[0].content)
    return bool(roles) and not shown and roles == ["user", "assistant"] * (len(roles) // 2)
