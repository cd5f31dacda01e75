"""The one writer of pages: blocks of data in, one self-contained HTML page in Chinese and English out.

A page asks no server for anything: style and script stand inside, and its policy lets no other run.
Every text is escaped. All strings of both languages are there, so the switch needs no reload.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

from doctorsun.core.blocks import (
    Badge,
    Block,
    Card,
    Cell,
    Code,
    Column,
    Curves,
    Facet,
    Fold,
    Gallery,
    Line,
    Note,
    Pairs,
    Prose,
    Section,
    Table,
    Tile,
    Tiles,
    Token,
    Tokens,
    Tone,
    Twin,
    Twins,
    Value,
)  # fmt: skip
from doctorsun.core.charts import (
    COLOURS,
    Axis,
    Series,
    Shares,
    Strip,
    curves_svg,
    legend_html,
    shares_svg,
    strip_svg,
)
from doctorsun.core.explorer import Course, Explorer, explorer_html
from doctorsun.core.strings import Lang
from doctorsun.core.words import Both, Words, both, html, join, label, plain, tag

__all__ = [
    "Axis", "Badge", "Block", "Both", "Card", "Cell", "Code", "Column", "Course", "Curves", "Explorer",
    "Facet", "Fold", "Gallery", "Line", "Note", "Page", "Pairs", "Prose", "Section", "Series", "Shares",
    "Strip", "Table", "Tile", "Tiles", "Token", "Tokens", "Tone", "Twin", "Twins", "Value", "Words",
    "both", "join",
]  # fmt: skip


_SIDE_BY_SIDE = 9


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page; `lang` is shown where the reader's browser asks for neither language.

    With `refresh_s` it reads itself again every so many seconds.
    """

    title: Words
    blocks: Sequence[Block]
    lang: Lang = "en"
    foot: Words | None = None
    refresh_s: int | None = None

    def render(self) -> str:
        """The HTML of the page, the same bytes for the same data."""
        return _Writer().page(self)


class _Writer:
    """Writes one page: keeps each picture once, however many cards show it, and numbers what needs an id."""

    def __init__(self) -> None:
        self.pictures: dict[str, int] = {}
        self.ids = 0
        self.explores = False

    def page(self, page: Page) -> str:
        body = "".join(self.block(block) for block in page.blocks)
        sections = [block for block in page.blocks if isinstance(block, Section)]
        links = "".join(tag("a", html(s.title), href=f"#{_anchor(s)}") for s in sections)
        style, script = _asset("page.css"), _asset("page.js")
        script += _asset("explorer.js") if self.explores else ""
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        pictures = json.dumps(list(self.pictures)).replace("<", "\\u003c")
        titles = {"data_title_zh": plain(page.title, "zh"), "data_title_en": plain(page.title, "en")}
        head = (
            f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
            f"<title>{escape(plain(page.title, page.lang))}</title><style>{style}</style>"
        )
        bar = tag("a", html(both("page.skip")), href="#content", class_="skip") + tag(
            "header",
            tag("strong", html(page.title)) + tag("nav", links, **label(both("page.contents"))) + _switch(),
        )
        foot = tag("footer", html(page.foot, "p")) if page.foot else ""
        main = tag("main", tag("h1", html(page.title)) + body + foot, id="content")
        data = f'<script type="application/json" id="pictures">{pictures}</script>'
        root = tag(
            "html",
            f"<head>{head}</head><body>{bar}{main}{data}<script>{script}</script></body>",
            lang=page.lang,
            data_ui=page.lang,
            data_refresh=str(page.refresh_s) if page.refresh_s else None,
            **titles,
        )
        return f"<!doctype html>\n{root}\n"

    def block(self, block: Block) -> str:
        """The HTML of one block."""
        match block:
            case Section():
                written = self.section(block)
            case Fold():
                inner = tag("summary", html(block.title)) + "".join(self.block(one) for one in block.blocks)
                written = tag("details", inner, open="" if block.open else None)
            case Gallery():
                written = self.gallery(block)
            case Table():
                written = self.table(block)
            case Curves():
                written = _curves(block)
            case Explorer():
                self.ids, self.explores = self.ids + 1, True
                written = explorer_html(block, self.ids)
            case Tiles():
                written = tag("div", "".join(_tile(tile) for tile in block.tiles), class_="tiles")
            case Pairs():
                rows = [tag("dt", html(name)) + tag("dd", _cell(cell)) for name, cell in block.rows]
                written = tag("dl", "".join(rows))
            case _:
                written = _words_block(block)
        return written

    def section(self, section: Section) -> str:
        """A heading with its blocks."""
        lead = html(section.lead, "p", class_="lead") if section.lead else ""
        inner = "".join(self.block(one) for one in section.blocks)
        return tag("section", tag("h2", html(section.title)) + lead + inner, id=_anchor(section))

    def table(self, table: Table) -> str:
        """A table that can be sorted."""
        heads = "".join(_head(column) for column in table.columns)
        rows = "".join(_row(row, table.columns) for row in table.rows)
        caption = tag("caption", html(table.caption)) if table.caption else ""
        search = _search() if table.search else ""
        whole = tag("table", f"{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>")
        name = table.caption or both("page.table")
        scroll = tag("div", whole, class_="scroll", tabindex="0", role="region", **label(name))
        return tag("div", search + scroll, class_="sortable")

    def gallery(self, gallery: Gallery) -> str:
        """Cards behind their filters."""
        self.ids += 1
        filters = "".join(_facet(facet, f"g{self.ids}-{facet.key}") for facet in gallery.facets)
        shown = html(both("page.shown", n="{n}", of=str(len(gallery.cards))), class_="shown-text")
        count = tag("p", shown, class_="count", role="status")
        cards = "".join(self.card(card) for card in gallery.cards)
        room = "cards wide" if gallery.wide else "cards"
        none = html(both("page.none_match"), "p", class_="none")
        bar = tag("form", filters + _search() + count, class_="filters")
        return tag("div", bar + tag("div", cards, class_=room) + none, class_="gallery")

    def card(self, card: Card) -> str:
        """One item of a gallery."""
        pictures = "".join(self.picture(picture) for picture in card.pictures)
        title = tag("h3", html(card.title)) if card.title else ""
        badges = (
            tag("p", "".join(_badge(badge) for badge in card.badges), class_="badges") if card.badges else ""
        )
        lines = "".join(
            tag("dt", html(line.name)) + tag("dd", html(line.text), class_=line.tone, lang=line.lang)
            for line in card.lines
        )
        foot = tag("p", html(card.foot), class_="foot") if card.foot else ""
        more = "".join(self.block(block) for block in card.more)
        listed = tag("dl", lines) if lines else ""
        words = tag("div", title + badges + listed + more + foot, class_="words")
        shown = tag("div", pictures, class_="pictures") if pictures else ""
        return tag("article", shown + words, data_facets=json.dumps(dict(card.facets), ensure_ascii=False))

    def picture(self, address: str | None) -> str:
        """The place of one picture; a missing one says so."""
        if address is None:
            return tag("span", html(both("page.no_picture")), class_="no-picture")
        if not re.fullmatch(r"data:image/(jpeg|png|webp);base64,[A-Za-z0-9+/=]+", address):
            raise ValueError("a picture of a page is a data: address of a JPEG, PNG or WebP file")
        number = self.pictures.setdefault(address, len(self.pictures))
        return f'<img alt="" data-picture="{number}">'


def _words_block(block: Prose | Note | Code | Twins | Tokens) -> str:
    if isinstance(block, Prose):
        return "".join(html(words, "p") for words in block.paragraphs)
    if isinstance(block, Twins):
        return tag("dl", "".join(map(_twin, block.rows)), class_="twins")
    if isinstance(block, Tokens):
        written = "".join(tag("b" if token.learnt else "i", escape(token.text)) for token in block.tokens)
        return tag("p", written, class_="tokens")
    if isinstance(block, Note):
        return tag("div", html(block.words, "p"), class_=f"note {block.tone}", role="note")
    title = tag("p", html(block.title), class_="code-title") if block.title else ""
    return title + tag("pre", tag("code", escape(block.text)), tabindex="0")


def _twin(twin: Twin) -> str:
    told = [(lang, said) for lang, said in (("zh", twin.zh), ("en", twin.en)) if said]
    sides = "".join(
        tag("div", tag("p", escape(asked)) + tag("p", escape(answer), class_="answer"), lang=lang)
        for lang, (asked, answer) in told
    )
    return tag("dt", html(twin.name)) + tag("dd", sides, class_="alone" if len(told) == 1 else None)


def _curves(block: Curves) -> str:
    drawing = curves_svg(block.title, block.series, block.x, block.y)
    if not drawing:
        return html(both("page.no_points", title=block.title), "p", class_="none")
    return tag("figure", tag("figcaption", html(block.title)) + drawing + legend_html(block.series))


def _tile(tile: Tile) -> str:
    note = html(tile.note, "p") if tile.note else ""
    return tag("div", tag("h3", html(tile.name)) + tag("div", _value(tile.value), class_="big") + note)


def _head(column: Column) -> str:
    hint = html(column.hint, class_="hint") if column.hint else ""
    button = tag("button", html(column.name) + hint, type="button")
    return tag("th", button, scope="col", aria_sort="none", class_="n" if column.number else None)


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    cells = zip(row, columns, strict=True)
    return tag(
        "tr",
        "".join(
            tag("td", _cell(cell), class_="n" if column.number else None, data_sort=_sort_key(cell))
            for cell, column in cells
        ),
    )


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            written = tag("span", "–", class_="absent", **label(both("page.absent")))
        case Value():
            written = _value(cell)
        case Badge():
            written = _badge(cell)
        case Strip():
            written = strip_svg(cell, _strip_name(cell))
        case Shares():
            written = _shares(cell)
        case int():
            written = f"{cell:,}"
        case _:
            written = html(cell)
    return written


def _sort_key(cell: Cell) -> str | None:
    match cell:
        case None:
            return ""
        case Value() | Strip():
            return "" if cell.value is None else repr(float(cell.value))
        case Shares():
            return repr(max((number for _, number in cell.parts), default=0) / max(cell.whole, 1))
        case int():
            return str(cell)
        case _:
            return None


def _value(value: Value) -> str:
    if value.value is None:
        return _cell(None)
    sign = "+" if value.sign else ""
    parts = [tag("b", f"{value.value:{sign},.{value.digits}f}".replace("-", "−"))]
    if value.n is not None:
        parts.append(tag("small", f"n = {value.n:,}", class_="count"))
    if value.low is not None and value.high is not None:
        reach = f"{value.low:{sign}.{value.digits}f} … {value.high:{sign}.{value.digits}f}".replace("-", "−")
        parts.append(tag("small", reach, class_="reach"))
    return tag("span", " ".join(parts), class_="value")


def _badge(badge: Badge) -> str:
    return tag("span", html(badge.words), class_=f"badge {badge.tone}")


def _strip_name(strip: Strip) -> Both:
    low, high = (f"{bound:.3f}" if bound is not None else "?" for bound in (strip.low, strip.high))
    return both("page.strip", value=f"{strip.value:.3f}", low=low, high=high)


def _shares(shares: Shares) -> str:
    """The bar with its names and percentages under it, the colour of each beside it."""
    whole = max(shares.whole, 1)
    several = len(shares.parts) > 1 or shares.of is not None
    told = [(name, _percent(n, whole) if several else f"{n:,}") for name, n in shares.parts]
    names = join([join([name, figure], zh=" ", en=" ") for name, figure in told])
    keys = "".join(
        tag("li", f'<i class="key c{at % COLOURS}"></i>{html(name)} <b>{figure}</b>')
        for at, (name, figure) in enumerate(told)
    )
    return shares_svg(shares, names) + tag("ul", keys, class_="legend")


def _percent(number: int, whole: int) -> str:
    share = 100 * number / whole
    return f"{share:.1f} %" if 0 < share < 1 or 99 < share < 100 else f"{share:.0f} %"


def _facet(facet: Facet, group: str) -> str:
    choices = [("", both("page.all")), *facet.values]
    if len(choices) > _SIDE_BY_SIDE:
        options = "".join(_option(value, name, value == facet.start) for value, name in choices)
        chosen = tag("select", options, data_facet=facet.key, **label(facet.name))
        return tag("fieldset", tag("legend", html(facet.name)) + chosen)
    chips = "".join(
        tag("label", _radio(group, facet.key, value, value == facet.start) + html(name))
        for value, name in choices
    )
    return tag("fieldset", tag("legend", html(facet.name)) + chips)


def _radio(group: str, key: str, value: str, chosen: bool) -> str:
    checked = " checked" if chosen else ""
    names = f'name="{escape(group)}" data-facet="{escape(key)}" value="{escape(value)}"'
    return f'<input type="radio" {names}{checked}>'


def _option(value: str, name: Words, chosen: bool) -> str:
    """A choice of a list; the script puts the words of the page's language in."""
    return tag(
        "option", escape(plain(name, "en")), value=value, selected="" if chosen else None, **label(name)
    )


def _search() -> str:
    return tag("label", html(both("page.search")) + '<input type="search">', class_="search")


def _switch() -> str:
    buttons = "".join(
        tag("button", name, type="button", data_use=lang, lang=lang, aria_pressed="false")
        for lang, name in (("zh", "中文"), ("en", "English"))
    )
    return tag("div", buttons, class_="switch", role="group", **label(both("page.language")))


def _anchor(section: Section) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", plain(section.title, "en").lower()).strip("-")
    return f"s-{name}"


def _asset(name: str) -> str:
    return resources.files("doctorsun.core").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
