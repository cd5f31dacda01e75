"""Chat templates: rendering, and where each text of a conversation stands in the result.

A template is first rendered with a marker for every text. What lies between the markers is the template's own
text, the same for all conversations of one shape; the real rendering must be those pieces with the real texts
between them. So every text has a place that is known and not guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from doctorsun.core.errors import DoctorSunError
from doctorsun.core.schema import Message, Part

IMAGE_PLACE = "<image>\n"

_FLATTEN = """\
{%- set flat = namespace(messages=[]) -%}
{%- for message in messages -%}
{%- if message['content'] is string -%}
{%- set flat.messages = flat.messages + [message] -%}
{%- else -%}
{%- set turn = namespace(text='') -%}
{%- for part in message['content'] -%}
{%- set turn.text = turn.text + ('<image>\\n' if part['type'] == 'image' else part['text']) -%}
{%- endfor -%}
{%- set flat.messages = flat.messages + [{'role': message['role'], 'content': turn.text}] -%}
{%- endif -%}
{%- endfor -%}
{%- set messages = flat.messages -%}
"""
# A date of the day would make training and serving differ; so would a thinking block that answers alone show.
_FIXED = {
    "date_string": "{%- set date_string = '26 Jul 2024' -%}\n",
    "enable_thinking": "{%- set enable_thinking = false -%}\n",
}


class EncodeError(DoctorSunError):
    """A conversation cannot be put into a model's tokens; the message holds ids and lengths, no text."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as a template sees it: `texts` stand between and around the image places."""

    role: str
    parts: tuple[str | None, ...]

    @property
    def content(self) -> str:
        """The turn as one string; an image is `<image>` and a line break."""
        return "".join(IMAGE_PLACE if part is None else part for part in self.parts)

    @property
    def listed(self) -> list[dict[str, str]]:
        """The turn as a processor takes it."""
        return [{"type": "image"} if part is None else {"type": "text", "text": part} for part in self.parts]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template writes around the texts of all conversations of one shape.

    `pieces` are one more than the texts; `answers` are the numbers of the texts that are answers to learn:
    the last alone, unless every past turn reads as it did when it was the last (`stable`).
    """

    pieces: tuple[str, ...]
    answers: tuple[int, ...]
    stable: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Where a text stands in a rendering: characters `start` to `stop`; `kept` is false if it was trimmed."""

    start: int
    stop: int
    kept: bool


def with_images(template: str) -> str:
    """The template, made to take lists of parts with images, and to write the same on every day."""
    fixed = "".join(line for name, line in _FIXED.items() if name in template)
    return _FLATTEN + fixed + template


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """The turns of a conversation, texts that touch joined."""
    return tuple(Turn(message.role, _parts(message.content)) for message in messages)


def fold_system(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The same turns with a leading system turn put before the first user's text."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
        return turns
    parts = tuple(Part("image") if part is None else Part("text", part) for part in turns[1].parts)
    lead = Part("text", turns[0].content + "\n\n")
    return (Turn("user", _parts((lead, *parts))), *turns[2:])


class Template:
    """The chat template of a tokenizer, or of a processor, which takes lists of parts instead of strings."""

    def __init__(self, chat: Any, *, flat: bool = True) -> None:  # noqa: ANN401 - transformers has no types
        if not chat.chat_template:
            raise EncodeError("model.no_template")
        self._chat = chat
        self._flat = flat
        self.shape = lru_cache(maxsize=1024)(self._shape)
        self._answers_end = None if flat else self._end_of_other_opening()
        self.takes_system = self._takes_system()

    def render(self, turns: Sequence[Turn], *, ask: bool) -> str:
        """The template's text for `turns`; with `ask`, the start of an answer follows.

        A published template that starts an answer in another way when it asks for it than when it shows it
        (LLaVA-OneVision's does, by a space) is followed where it asks, for so the model was and is asked.
        """
        if self._answers_end is not None and not ask and turns and turns[-1].role == "assistant":
            opening = self._rendered(turns[:-1], ask=True)
            return opening + "".join(part or "" for part in turns[-1].parts) + self._answers_end
        return self._rendered(turns, ask=ask)

    def _end_of_other_opening(self) -> str | None:
        """What follows an answer, of a template that starts answers in two ways; else null."""
        turns = (Turn("user", (_marker(0),)), Turn("assistant", (_marker(1),)))
        shown, asked = self._rendered(turns, ask=False), self._rendered(turns[:1], ask=True)
        opening, found, end = shown.partition(_marker(1))
        return end if found and opening != asked else None

    def _rendered(self, turns: Sequence[Turn], *, ask: bool) -> str:
        content: list[dict[str, Any]] = [
            {"role": turn.role, "content": turn.content if self._flat else turn.listed} for turn in turns
        ]
        try:
            text: str = self._chat.apply_chat_template(content, tokenize=False, add_generation_prompt=ask)
        except TemplateError as error:
            raise EncodeError("model.template_refuses", problem=error.message) from None
        return text

    def _takes_system(self) -> bool:
        turns = (Turn("system", (_marker(0),)), Turn("user", (_marker(1),)))
        try:
            return _marker(0) in self.render(turns, ask=True)
        except EncodeError:
            return False

    def _shape(self, outline: tuple[Turn, ...], ask: bool) -> Shape:
        """The shape of an outline: turns whose texts are markers, numbered from 0."""
        whole = self.render(outline, ask=ask)
        count = sum(_is_marker(part) for turn in outline for part in turn.parts)
        pieces: list[str] = []
        rest = whole
        for number in range(count):
            before, found, rest = rest.partition(_marker(number))
            if not found:
                raise EncodeError("model.text_lost", number=number)
            pieces.append(before)
        pieces.append(rest)
        answers: list[int] = []
        stable = True
        for place, turn in enumerate(outline):
            if turn.role != "assistant":
                continue
            if place == 0:
                raise EncodeError("model.answer_first")
            if len(turn.parts) != 1 or not _is_marker(turn.parts[0]):
                raise EncodeError("model.answer_no_text", turn=place)
            number = sum(_is_marker(part) for earlier in outline[:place] for part in earlier.parts)
            start = whole.index(_marker(number))
            if self.render(outline[:place], ask=True) == whole[:start]:
                answers.append(number)
            elif place == len(outline) - 1:
                raise EncodeError("model.prompt_differs", turn=place)
            else:
                stable = False
        return Shape(tuple(pieces), tuple(answers) if stable else tuple(answers[-1:]), stable)


def outline(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """The turns with a marker for each text that is not blank, and those texts."""
    texts: list[str] = []
    marked = []
    for turn in turns:
        parts: list[str | None] = []
        for part in turn.parts:
            if part is None or not part.strip():
                parts.append(part)
            else:
                parts.append(_marker(len(texts)))
                texts.append(part)
        marked.append(Turn(turn.role, tuple(parts)))
    return tuple(marked), tuple(texts)


def place_texts(rendering: str, shape: Shape, texts: Sequence[str]) -> tuple[Span, ...] | None:
    """Where each text stands in the rendering; null if it is not the shape with these texts in it."""
    spans: list[Span] = []
    if not rendering.startswith(shape.pieces[0]):
        return None
    position = len(shape.pieces[0])
    for text, after in zip(texts, shape.pieces[1:], strict=True):
        for form in (text, text.rstrip(), text.lstrip(), text.strip()):
            stop = position + len(form)
            if rendering.startswith(form, position) and rendering.startswith(after, stop):
                spans.append(Span(position, stop, kept=len(form) == len(text)))
                position = stop + len(after)
                break
        else:
            return None
    return tuple(spans) if position == len(rendering) else None


def _parts(content: Sequence[Part]) -> tuple[str | None, ...]:
    parts: list[str | None] = []
    for part in content:
        if part.type == "image":
            parts.append(None)
        elif parts and parts[-1] is not None:
            parts[-1] += part.text or ""
        else:
            parts.append(part.text or "")
    return tuple(parts)


def _marker(number: int) -> str:
    return f"\ue000{number}\ue001"


def _is_marker(part: str | None) -> bool:
    return part is not None and part.startswith("\ue000")
