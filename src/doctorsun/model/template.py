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
from transformers import PreTrainedTokenizerBase

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
    """The chat template of one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if not tokenizer.chat_template:
            raise EncodeError("model.no_template")
        self._tokenizer = tokenizer
        self.shape = lru_cache(maxsize=1024)(self._shape)
        self.takes_system = self._takes_system()

    def render(self, turns: Sequence[Turn], *, ask: bool) -> str:
        """The template's text for `turns`; with `ask`, the start of an answer follows."""
        content: list[dict[str, Any]] = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            text: str = self._tokenizer.apply_chat_template(
                content, tokenize=False, add_generation_prompt=ask
            )
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
