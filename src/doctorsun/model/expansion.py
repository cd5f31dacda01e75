"""What stands in a conversation in the place of a picture, before its text becomes tokens.

A LLaVA writes one token so and so often. Whole models write what hangs on the picture's size: tokens of
tiles, rows and columns, starts and ends. Only the processor's side knows; the encoder asks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from doctorsun.model.template import Span

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Expansion:
    """The text of one picture, each run of image tokens written as one token, and how long each run is."""

    text: str
    runs: tuple[int, ...]


class Pictured(Protocol):
    """How the pictures of one conversation are written; a `Size` is width and height in pixels."""

    @property
    def chat(self) -> Any:  # noqa: ANN401 - a processor or tokenizer of transformers
        """What has the chat template."""
        ...

    @property
    def place(self) -> str:
        """What the template writes where a picture stands."""
        ...

    @property
    def token(self) -> str:
        """The token that features of the picture are put for."""
        ...

    def expand(self, sizes: Sequence[Size | None]) -> Sequence[Expansion]:
        """What is written for each picture of a conversation."""
        ...


class FixedPictures:
    """Pictures that all take `count` tokens, as LLaVA's do."""

    def __init__(self, tokenizer: Any, count: int) -> None:  # noqa: ANN401 - transformers has no types
        self.chat = tokenizer
        self.place = self.token = "<image>"
        self._each = Expansion("<image>", (count,))

    def expand(self, sizes: Sequence[Size | None]) -> Sequence[Expansion]:
        """The same for each."""
        return [self._each] * len(sizes)


@dataclass(frozen=True, slots=True)
class Grown:
    """A rendering in which every picture's place was replaced, `pieces` of its shape likewise."""

    text: str
    pieces: tuple[str, ...]
    places: tuple[int, ...]
    growths: tuple[int, ...]

    def at(self, char: int) -> int:
        """Where a character of the rendering stands now."""
        pairs = zip(self.places, self.growths, strict=True)
        return char + sum(growth for place, growth in pairs if place < char)

    def span(self, span: Span) -> Span:
        """The same for the place of a text."""
        return replace(span, start=self.at(span.start), stop=self.at(span.stop))


def grow(
    text: str, pieces: tuple[str, ...], places: Sequence[int], *, place: str, by: Sequence[Expansion]
) -> Grown:
    """`text` with what stands at `places`, each as long as `place`, replaced in order, and so in `pieces`."""
    done, parts = 0, []
    for start, expansion in zip(places, by, strict=True):
        parts += [text[done:start], expansion.text]
        done = start + len(place)
    rest = iter(by)
    grown = []
    for piece in pieces:
        first, *others = piece.split(place)
        grown.append(first + "".join(next(rest).text + other for other in others))
    growths = tuple(len(expansion.text) - len(place) for expansion in by)
    return Grown("".join([*parts, text[done:]]), tuple(grown), tuple(places), growths)
