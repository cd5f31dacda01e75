"""What a page can be made of: plain data, in both languages, without a word of HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from doctorsun.core.charts import Axis, Series, Shares, Strip
from doctorsun.core.explorer import Explorer
from doctorsun.core.strings import Lang
from doctorsun.core.words import Words

Tone = Literal["plain", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its 95 % interval and the number it was counted over; null shows as not measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    digits: int = 3
    sign: bool = False


@dataclass(frozen=True, slots=True)
class Badge:
    """A short verdict in a coloured frame; the words alone say it too."""

    words: Words
    tone: Tone = "plain"


Cell = Words | Value | Badge | Strip | Shares | int | None


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs."""

    paragraphs: Sequence[Words]


@dataclass(frozen=True, slots=True)
class Note:
    """A framed remark."""

    words: Words
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is, in a fixed-width face: a command, a recipe."""

    text: str
    title: Words | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what they are: versions, hashes, settings."""

    rows: Sequence[tuple[Words, Cell]]


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline number."""

    name: Words
    value: Value
    note: Words | None = None


@dataclass(frozen=True, slots=True)
class Tiles:
    """Headline numbers side by side."""

    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; numbers stand right and sort as numbers. `hint` explains the name."""

    name: Words
    number: bool = False
    hint: Words | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the reader sorts by a click on a column, and with `search` narrows by words."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: Words | None = None
    search: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """Line chart of one or more series."""

    title: Words
    series: Sequence[Series]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card: what it is, and the text; `lang` is the language of a text that is data."""

    name: Words
    text: Words
    tone: Tone = "plain"
    lang: Lang | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """The same question and answer in Chinese and in English, side by side; one alone has all the room."""

    name: Words
    zh: tuple[str, str] | None
    en: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Twins:
    """Questions and answers that are data, both languages shown whatever the page's own is."""

    rows: Sequence[Twin]


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it reads, and whether the loss covers it."""

    text: str
    learnt: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text token by token, those that are learnt in colour."""

    tokens: Sequence[Token]


@dataclass(frozen=True, slots=True)
class Card:
    """One item of a gallery: pictures (`data:` addresses), lines, badges, blocks under them.

    `facets` are its values for each facet: one, or several that all fit.
    """

    lines: Sequence[Line]
    pictures: Sequence[str | None] = ()
    title: Words = ""
    badges: Sequence[Badge] = ()
    facets: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    foot: Words = ""
    more: Sequence["Block"] = ()


@dataclass(frozen=True, slots=True)
class Facet:
    """One filter of a gallery: `values` are the ids that cards carry, with names; `start` is chosen first.

    A few are shown side by side, many in a list that opens.
    """

    key: str
    name: Words
    values: Sequence[tuple[str, Words]]
    start: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Cards with filters and a search over their text; `wide` ones have room for two languages."""

    cards: Sequence[Card]
    facets: Sequence[Facet] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a title that opens and closes."""

    title: Words
    blocks: Sequence["Block"]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading that the bar at the top links to."""

    title: Words
    blocks: Sequence["Block"]
    lead: Words | None = None


Block = (
    Prose
    | Note
    | Code
    | Pairs
    | Tiles
    | Table
    | Curves
    | Explorer
    | Twins
    | Tokens
    | Gallery
    | Fold
    | Section
)
