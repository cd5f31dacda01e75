"""A preset becomes a typed recipe, and what is wrong in it is named with its place."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from doctorsun.core.config import Config, from_overrides, load, preset_names, validate
from doctorsun.core.errors import ConfigError
from doctorsun.core.strings import use_language


class Optimizer(Config):
    rate: float = 1e-3
    warmup: int = 10


class Text(Config):
    kind: Literal["text"] = "text"
    vocabulary: int = 1000


class Vision(Config):
    kind: Literal["vision"] = "vision"
    layers: int = 2


class Small(Config):
    name: str
    optimizer: Optimizer = Optimizer()
    parts: list[Annotated[Text | Vision, Field(discriminator="kind")]] = []
    root: Path | None = None


@pytest.fixture(autouse=True)
def _english_again():
    yield
    use_language("en")


def preset(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def message(schema: type[Config], place: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(schema, place, overrides=overrides)
    return str(caught.value)


def test_a_preset_is_read_as_the_typed_recipe(tmp_path: Path):
    place = preset(
        tmp_path, "name: a\noptimizer: {rate: 0.5}\nparts: [{kind: vision, layers: 3}]\nroot: raw\n"
    )
    recipe = load(Small, place)
    assert recipe.optimizer == Optimizer(rate=0.5)
    assert recipe.parts == [Vision(layers=3)]
    assert recipe.root == Path("raw")


def test_a_recipe_cannot_be_changed_afterwards(tmp_path: Path):
    recipe = load(Small, preset(tmp_path, "name: a\n"))
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "b"


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "optimizer.warmpu: unknown key 'warmpu'; did you mean: warmup"),
        ("zh", "optimizer.warmpu：未知的键“warmpu”；您是否要写：warmup"),
    ],
)
def test_a_misspelt_key_names_its_place_and_the_near_key(tmp_path: Path, lang: str, expected: str):
    use_language(lang)
    place = preset(tmp_path, "name: a\noptimizer: {warmpu: 3}\n")
    assert message(Small, place) == f"{place}: {expected}"


def test_a_misspelt_key_in_an_item_of_a_list_names_the_near_key_of_that_kind(tmp_path: Path):
    place = preset(tmp_path, "name: a\nparts: [{kind: text}, {kind: vision, layer: 3}]\n")
    found = message(Small, place)
    assert "parts.1" in found
    assert found.endswith("did you mean: layers")


def test_a_key_like_no_other_lists_all_that_may_stand_there(tmp_path: Path):
    found = message(Small, preset(tmp_path, "name: a\noptimizer: {zzz: 1}\n"))
    assert found.endswith("the keys here are: rate, warmup")


def test_a_missing_key_is_named(tmp_path: Path):
    place = preset(tmp_path, "optimizer: {rate: 1}\n")
    assert message(Small, place) == f"{place}: name: this key is required and missing"


def test_a_wrong_value_says_what_was_found(tmp_path: Path):
    found = message(Small, preset(tmp_path, "name: a\noptimizer: {warmup: many}\n"))
    assert "optimizer.warmup: found 'many'" in found


def test_a_file_that_is_no_yaml_names_the_line(tmp_path: Path):
    assert "line 2" in message(Small, preset(tmp_path, "name: a\n\tb: : c\n"))
    assert "line 1" in message(Small, preset(tmp_path, "just words\n"))


def test_a_preset_file_that_is_not_there_is_named(tmp_path: Path):
    place = str(tmp_path / "none.yaml")
    assert message(Small, place) == f"{place}: there is no such file"


def test_an_unknown_preset_names_the_near_one():
    found = message(Small, "no_such_preset_at_all")
    assert "there is no preset 'no_such_preset_at_all'" in found
    for name in preset_names():
        assert f"did you mean: {name}" in message(Small, name + "x")


def test_an_override_changes_one_value_and_keeps_the_rest(tmp_path: Path):
    place = preset(tmp_path, "name: a\noptimizer: {rate: 0.5, warmup: 7}\nparts: [{kind: text}]\n")
    recipe = load(Small, place, overrides=["optimizer.rate=0.25", "parts.0.vocabulary=9", "root=x=y"])
    assert recipe.optimizer == Optimizer(rate=0.25, warmup=7)
    assert recipe.parts == [Text(vocabulary=9)]
    assert recipe.root == Path("x=y")


def test_an_override_may_name_a_part_that_the_preset_leaves_out(tmp_path: Path):
    assert load(Small, preset(tmp_path, "name: a\n"), overrides=["optimizer.warmup=3"]).optimizer.warmup == 3


def test_a_misspelt_override_names_its_place_and_the_near_key(tmp_path: Path):
    found = message(Small, preset(tmp_path, "name: a\n"), "optimizer.rat=1")
    assert found.endswith("optimizer.rat: unknown key 'rat'; did you mean: rate")


def test_a_key_that_stands_deeper_is_named_with_its_place(tmp_path: Path):
    assert message(Small, preset(tmp_path, "name: a\n"), "warmup=1").endswith(
        "did you mean: optimizer.warmup"
    )


def test_an_index_beyond_the_list_tells_how_long_the_list_is(tmp_path: Path):
    found = message(Small, preset(tmp_path, "name: a\nparts: [{kind: text}]\n"), "parts.5.vocabulary=1")
    assert found == "'parts.5.vocabulary=1': there is no item 5; the list has 1, counted from 0"


@pytest.mark.parametrize("override", ["rate", "=3", "parts.x=1", "name.x=1"])
def test_an_override_that_fits_nowhere_is_shown_as_typed(tmp_path: Path, override: str):
    found = message(Small, preset(tmp_path, "name: a\nparts: [{kind: text}]\n"), override)
    assert f"'{override}'" in found


@pytest.mark.parametrize("override", ["name=[1", "name=a: b: c", "name={"])
def test_an_override_whose_value_is_no_yaml_is_shown_as_typed(tmp_path: Path, override: str):
    assert f"'{override}'" in message(Small, preset(tmp_path, "name: a\n"), override)


def test_values_from_elsewhere_are_validated_the_same_way():
    with pytest.raises(ConfigError, match="unknown key 'optimiser'"):
        validate(Small, {"name": "a", "optimiser": {}}, where="here")


def test_words_alone_change_the_defaults():
    assert from_overrides(Small, ["name=a", "optimizer.warmup=3"], where="eval").optimizer.warmup == 3
    with pytest.raises(ConfigError, match="eval: nam: unknown key 'nam'; did you mean: name"):
        from_overrides(Small, ["nam=a"], where="eval")


class Limits(Config):
    layers: int = Field(default=1, ge=1, lt=9)
    share: float = Field(default=0.5, gt=0, le=1)
    side: Literal["left", "right"] = "left"
    flip: bool = False
    names: tuple[str, ...] = ()
    optimizer: Optimizer = Optimizer()


@pytest.mark.parametrize(
    ("override", "en", "zh"),
    [
        ("layers=x", "expected a whole number", "应为整数"),
        ("layers=1.5", "expected a whole number", "应为整数"),
        ("layers=0", "expected at least 1", "应不小于 1"),
        ("layers=9", "expected less than 9", "应小于 9"),
        ("share=x", "expected a number", "应为数字"),
        ("share=0", "expected more than 0.0", "应大于 0.0"),
        ("share=2", "expected at most 1.0", "应不大于 1.0"),
        ("side=up", "expected one of: 'left', 'right'", "应为以下之一：'left', 'right'"),
        ("flip=perhaps", "expected true or false", "应为 true 或 false"),
        ("names=3", "expected a list", "应为列表"),
        ("names=[1]", "expected text", "应为文字"),
        ("optimizer=3", "expected keys with values", "应为带值的键"),
    ],
)
def test_a_wrong_value_says_what_was_expected(override: str, en: str, zh: str):
    for lang, expected in (("en", en), ("zh", zh)):
        use_language(lang)
        with pytest.raises(ConfigError) as caught:
            from_overrides(Limits, [override], where="here")
        assert str(caught.value).endswith(expected)


def test_a_wrong_kind_of_a_part_lists_the_kinds_there_are(tmp_path: Path):
    found = message(Small, preset(tmp_path, "name: a\nparts: [{kind: sound}]\n"))
    assert "parts.0" in found
    assert found.endswith("expected one of: 'text', 'vision'")
