"""What a page of data needs: two languages side by side, tokens, shares, many filters."""

from doctorsun.core.page import (
    Both,
    Card,
    Column,
    Facet,
    Fold,
    Gallery,
    Prose,
    Shares,
    Table,
    Tile,
    Tiles,
    Token,
    Tokens,
    Twin,
    Twins,
    Value,
)
from tests.core.test_page import EVIL, NAMED, read


def test_two_languages_stand_side_by_side_whatever_the_page_speaks():
    reader = read(Twins([Twin(NAMED, ("问？", "答"), ("Asked?", "Said"))]))
    assert [attrs["lang"] for attrs in reader.named("div") if attrs.get("lang")] == ["zh", "en"]
    assert {"问？", "答", "Asked?", "Said"} <= set(reader.texts)


def test_a_language_that_stands_alone_has_all_the_room():
    reader = read(Twins([Twin(NAMED, None, ("a", "b"))]))
    assert [attrs["lang"] for attrs in reader.named("div") if attrs.get("lang")] == ["en"]
    assert [attrs.get("class") for attrs in reader.named("dd")] == ["alone"]


def test_tokens_that_are_learnt_are_other_elements_and_nothing_of_them_becomes_an_element():
    reader = read(Tokens([Token(EVIL, learnt=False), Token(EVIL, learnt=True), Token("\n", learnt=True)]))
    assert len(reader.named("i")) == 1
    assert len(reader.named("b")) == 2
    assert reader.texts.count(EVIL) == 2


def test_shares_are_drawn_to_scale_and_said_in_figures():
    reader = read(Table([Column(NAMED)], [[Shares(((NAMED, 3), ("b", 1)))], [Shares((("c", 5),), of=50)]]))
    lengths = [float(attrs["width"]) for attrs in reader.named("rect") if "part" in attrs["class"]]
    assert lengths == [150.0, 50.0, 20.0]
    assert {"75 %", "25 %", "10 %"} <= set(reader.texts)
    assert [attrs["data-sort"] for attrs in reader.named("td")] == ["0.75", "0.1"]


def test_shares_of_nothing_are_drawn_empty():
    assert not [a for a in read(Table([Column("a")], [[Shares(())]])).named("rect") if "part" in a["class"]]


def test_a_card_holds_blocks_and_several_values_of_a_facet():
    card = Card([], facets={"lang": ["en", "zh"]}, more=[Fold(NAMED, [Prose(["inside"])])])
    reader = read(Gallery([card], [Facet("lang", NAMED, [("en", "en"), ("zh", "zh")])], wide=True))
    assert reader.named("article")[0]["data-facets"] == '{"lang": ["en", "zh"]}'
    assert "inside" in reader.texts
    assert "cards wide" in {attrs.get("class") for attrs in reader.named("div")}


def test_many_values_of_a_facet_are_a_list_that_opens_in_both_languages():
    values = [(str(at), Both(f"第{at}", f"no. {at}")) for at in range(12)]
    reader = read(Gallery([Card([])], [Facet("key", NAMED, values, start="3")]))
    options = reader.named("option")
    assert len(options) == 13
    assert options[4]["data-label-zh"] == "第3"
    assert [option["value"] for option in options if "selected" in option] == ["3"]


def test_large_numbers_of_tiles_have_their_thousands_apart():
    assert "12,345" in read(Tiles([Tile("a", Value(12345.0, digits=0))])).texts
