"""The page writer: nothing is fetched, nothing is run, nothing is lost, in two languages."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from doctorsun.core.blocks import Block
from doctorsun.core.page import (
    Axis,
    Badge,
    Both,
    Card,
    Code,
    Column,
    Curves,
    Facet,
    Fold,
    Gallery,
    Line,
    Note,
    Page,
    Pairs,
    Prose,
    Section,
    Series,
    Strip,
    Table,
    Tile,
    Tiles,
    Value,
    both,
)
from doctorsun.core.thumbnails import thumbnail

EVIL = """<script>alert("1")</script><img src=x onerror='alert(2)'>&</dd>"""
NAMED = Both("名称", "Name")
VOID = {"meta", "img", "input", "!doctype"}


def picture(size: tuple[int, int] = (40, 30), mode: str = "L", colour: int = 90) -> bytes:
    out = BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


class Reader(HTMLParser):
    """Keeps elements, attributes and texts, and fails on an element that is closed out of order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def read(*blocks: Block, title: Both = NAMED) -> Reader:
    reader = Reader()
    reader.feed(Page(title=title, blocks=blocks).render())
    assert reader.open == []
    return reader


def everything() -> list[Block]:
    address = thumbnail(picture())
    card = Card(
        lines=[Line(NAMED, EVIL, lang="zh")],
        pictures=[address, None],
        title=EVIL,
        badges=[Badge(EVIL, "bad")],
        facets={"source": EVIL},
        foot=EVIL,
    )
    columns = [Column(NAMED), Column(EVIL, number=True, hint=NAMED)]
    rows = [[EVIL, Value(0.5, 0.4, 0.6, 1200)], [Strip(0.4, 0.3, 0.5, (0.25,), 0.2), None]]
    points = [(float(step), 1 / step) for step in range(1, 2000)]
    return [
        Note(EVIL, "warn"),
        Section(Both(EVIL, EVIL), [Prose([EVIL]), Code(EVIL, title=EVIL)], lead=EVIL),
        Pairs([(EVIL, EVIL)]),
        Tiles([Tile(EVIL, Value(-0.25, sign=True), note=EVIL)]),
        Table(columns, rows, caption=EVIL, search=True),
        Curves(EVIL, [Series(EVIL, points)], Axis(EVIL, log=True), Axis(EVIL, log=True)),
        Gallery([card, card], [Facet("source", EVIL, [(EVIL, EVIL)], start=EVIL)]),
        Fold(EVIL, [Prose([EVIL])]),
    ]


def test_data_never_becomes_an_element_or_an_attribute():
    reader = read(*everything(), title=Both(EVIL, EVIL))
    assert len(reader.named("script")) == 2
    assert {attrs.get("type") for attrs in reader.named("script")} == {None, "application/json"}
    assert not [name for _, attrs in reader.elements for name in attrs if name.startswith("on")]
    assert not [1 for _, attrs in reader.elements if "style" in attrs]
    assert all(attrs.get("alt") == "" for attrs in reader.named("img"))
    assert any(EVIL in text for text in reader.texts)


def test_a_page_asks_no_server_and_lets_only_its_own_script_run():
    source = Page(title=NAMED, blocks=everything()).render()
    assert not re.search(r"(?:https?:)?//[a-z]", source.replace("// ", ""))
    assert "url(" not in source and "@import" not in source and "fetch(" not in source
    policy = next(a["content"] for a in read().named("meta") if a.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert policy.count("sha256-") == 2


def test_every_word_that_differs_stands_there_in_both_languages():
    reader = read(*everything())
    classes = [(attrs.get("class") or "").split() for _, attrs in reader.elements]
    zh, en = (sum(name in found for found in classes) for name in ("t-zh", "t-en"))
    assert zh == en > 10
    named = [attrs for _, attrs in reader.elements if "aria-label" in attrs]
    assert all(attrs.get("data-label-zh") and attrs.get("data-label-en") for attrs in named)


def test_the_same_data_gives_the_same_bytes():
    assert Page(NAMED, everything()).render() == Page(NAMED, everything()).render()


def test_a_picture_stands_once_in_a_page_however_many_cards_show_it():
    address = thumbnail(picture())
    assert address is not None
    source = Page(NAMED, [Gallery([Card([], pictures=[address])] * 5)]).render()
    assert source.count(address) == 1 and source.count('data-picture="0"') == 5


def test_a_picture_from_elsewhere_is_refused():
    with pytest.raises(ValueError, match="data: address"):
        Page(NAMED, [Gallery([Card([], pictures=["http://example.org/a.jpg"])])]).render()


def test_what_was_not_measured_shows_as_absent_and_never_as_zero():
    reader = read(Table([Column("a", number=True)], [[None], [Value(None, n=3)], [Value(0.0)]]))
    assert reader.texts.count("–") == 2 and "0.000" in reader.texts
    assert [attrs.get("data-sort") for attrs in reader.named("td")] == ["", "", "0.0"]


def test_a_number_carries_its_interval_and_its_n():
    texts = "".join(read(Tiles([Tile("a", Value(0.4725, 0.41, 0.53, 1234))])).texts)
    assert "0.472" in texts and "0.410 … 0.530" in texts and "n = 1,234" in texts


def test_a_curve_keeps_its_spike_and_leaves_out_what_is_no_number():
    points = [(float(step), 1.0) for step in range(20_000)]
    points[7777] = (7777.0, 50.0)
    points[5] = (5.0, float("nan"))
    reader = read(Curves("loss", [Series("a", points)], Axis("step"), Axis("loss")))
    drawn = [place.split(",") for place in (reader.named("polyline")[0]["points"] or "").split()]
    assert len(drawn) <= 600
    assert min(float(y) for _, y in drawn) == 12.0


def test_a_chart_of_nothing_says_so_and_a_chart_of_one_point_is_drawn():
    axis = Axis("x")
    nothing = read(Curves("loss", [Series("a", [(1.0, float("inf"))])], axis, axis))
    assert not nothing.named("svg") and "no points" in "".join(nothing.texts)
    assert read(Curves("loss", [Series("a", [(3.0, 2.0)])], Axis("x", log=True), axis)).named("polyline")


def test_the_words_of_the_package_come_in_both_languages():
    assert both("page.shown", n=Both("甲", "a"), of=2) == Both("显示 甲 / 2 项", "a of 2 shown")


def test_a_thumbnail_is_small_and_a_broken_picture_gives_none():
    small = thumbnail(picture((900, 300)), max_px=160)
    assert small is not None and small.startswith("data:image/jpeg;base64,")
    assert thumbnail(b"\x89PNG broken") is None and thumbnail(b"") is None
    assert thumbnail(picture()[:40]) is None


def test_a_picture_of_16_bits_is_not_cut_off():
    deep = Image.new("I;16", (8, 8), 1000)
    deep.putpixel((0, 0), 60000)
    out = BytesIO()
    deep.save(out, "PNG")
    address = thumbnail(out.getvalue())
    assert address is not None
    shown = Image.open(BytesIO(base64.b64decode(address.split(",")[1]))).convert("L")
    assert shown.getpixel((7, 7)) < 40


def test_a_curve_of_one_point_is_a_dot():
    block = Curves("loss", [Series("a", [(60.0, 2.8)])], Axis("step"), Axis("loss"))
    assert len(read(block).named("circle")) == 1
