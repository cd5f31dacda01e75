"""A plan counts what a build then takes, costs nothing twice, and says what an epoch would draw."""

import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.config import SourceConfig
from doctorsun.data.dataset import open_dataset
from doctorsun.data.mix import MixConfig, order
from doctorsun.data.plan import plan
from tests.data.invented import recipe, write_sources

NAMES = ["alpaca_general", "busi", "ham10000", "medquad", "slake", "vqa_rad"]
LATER = {"data.near_text", "data.in_benchmark"}


@pytest.fixture
def raw(tmp_path):
    write_sources(tmp_path / "raw", NAMES)
    return tmp_path / "raw"


def by_name(found):
    return {source.card.name: source for source in found.sources}


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def test_a_plan_counts_what_the_build_then_takes_and_the_build_finds_its_blocks(raw):
    config = recipe(raw, NAMES)
    found = plan(config, {"all": MixConfig()})
    assert not config.place.exists()
    blocks = files(config.place.with_name(".built.sources"))
    assert blocks
    info = open_dataset(build(config)).info
    for name, source in by_name(found).items():
        counts = info["sources"][name]["counts"]
        later = sum(number for reason, number in counts["dropped"].items() if reason in LATER)
        assert source.counts.kept == counts["kept"] + later
        assert source.counts.dropped == {
            reason: number for reason, number in counts["dropped"].items() if reason not in LATER
        }
        assert set(source.licences) >= set(info["sources"][name]["licences"])
    assert found.licence == info["licence"]
    after = files(config.place.with_name(".built.sources"))
    assert {path: after[path] for path in blocks} == blocks


def test_what_a_plan_does_not_use_stays_for_the_next_build(raw):
    config = recipe(raw, NAMES)
    build(config)
    before = files(config.place.with_name(".built.sources"))
    plan(recipe(raw, ["busi"]), {})
    assert files(config.place.with_name(".built.sources")) == before


def test_pictures_languages_and_rows_that_only_test_are_told(raw):
    found = by_name(plan(recipe(raw, NAMES), {}))
    assert found["slake"].holds.samples["lang"]["zh"] and found["slake"].holds.test_only
    assert not found["medquad"].holds.pictures and found["busi"].holds.pictures == found["busi"].counts.kept
    assert found["busi"].holds.samples["modality"].keys() == {"ultrasound"}
    assert sum(found["vqa_rad"].holds.splits.values()) == found["vqa_rad"].counts.kept
    assert found["alpaca_general"].card.general and not found["busi"].card.general


def test_a_row_without_its_picture_is_counted_as_such(raw):
    for path in raw.rglob("xmlab*/source.jpg"):
        path.unlink()
    found = by_name(plan(recipe(raw, ["slake", "busi"]), {}))["slake"]
    assert set(found.counts.dropped) == {"data.image_absent"} and found.counts.kept == 0


def test_a_licence_that_is_not_admitted_is_told_with_the_key_that_would(raw):
    config = recipe(raw, [], sources={"ham10000": SourceConfig(), "medquad": SourceConfig()})
    found = by_name(plan(config, {}))
    assert found["ham10000"].refused == ("CC-BY-NC-4.0",)
    assert found["ham10000"].key == "data.sources.ham10000.accept=[CC-BY-NC-4.0]"
    assert set(found["ham10000"].counts.dropped) == {"data.licence"}
    assert found["medquad"].refused == () and found["medquad"].key is None
    admitted = recipe(raw, [], sources={"ham10000": SourceConfig(accept=found["ham10000"].refused)})
    assert by_name(plan(admitted, {}))["ham10000"].counts.kept


def test_a_source_that_is_absent_is_told_with_its_licence(raw):
    absent = SourceConfig()
    found = plan(recipe(raw, [], sources={"rocov2": absent, "medquad": SourceConfig()}), {})
    rocov2 = by_name(found)["rocov2"]
    assert not rocov2.present and rocov2.place is None and rocov2.refused
    assert rocov2.card.name not in found.brought_by
    assert found.refusal is None


def test_the_strictest_licence_is_told_with_who_brings_it(raw):
    found = plan(recipe(raw, ["busi", "ham10000", "medquad"]), {})
    assert found.licence == plugins.find(sources, "busi").CARD.licence == "unknown"
    assert found.brought_by == ("busi",)


def test_what_is_to_be_sold_takes_no_source_that_forbids_it(raw):
    tree = {"ham10000": SourceConfig(accept=("CC-BY-NC",)), "medquad": SourceConfig()}
    with pytest.raises(ConfigError, match="ham10000"):
        plan(recipe(raw, [], sources=tree, licences={"commercial": True}), {})
    bare = {"ham10000": SourceConfig(), "medquad": SourceConfig()}
    found = by_name(plan(recipe(raw, [], sources=bare, licences={"commercial": True}), {}))
    assert found["ham10000"].refused and found["ham10000"].key is None


def test_a_recipe_without_a_folder_or_with_a_source_of_no_name_is_refused(raw):
    with pytest.raises(DataError, match="root"):
        plan(recipe(raw, ["busi"]).model_copy(update={"root": None}), {})
    with pytest.raises(ConfigError, match="busi"):
        plan(recipe(raw, ["bussi"]), {})
    assert [path.name for path in raw.parent.iterdir()] == ["raw"]


def test_what_a_build_would_end_with_is_told(raw):
    found = plan(recipe(raw, [], sources={"ham10000": SourceConfig()}), {"all": MixConfig()})
    assert found.refusal is not None and found.refusal.key == "data.nothing_left"
    assert found.draws[0].domain == 0


def test_stages_of_one_mixture_are_one_draw_and_general_samples_keep_their_ratio(raw):
    mixtures = {"one": MixConfig(), "two": MixConfig(), "text": MixConfig(tasks=("qa",), general=0)}
    draws = plan(recipe(raw, NAMES), mixtures).draws
    assert [draw.stages for draw in draws] == [("one", "two"), ("text",)]
    first, text = draws
    assert first.domain and 0 < first.general <= 0.5 * first.domain + 1
    assert text.general == 0 and set(text.by["source"]) == {"medquad"}
    for draw in draws:
        for numbers in draw.by.values():
            assert sum(numbers.values()) == draw.domain + draw.general


def test_a_data_set_that_is_there_is_counted_and_not_guessed(raw):
    config = recipe(raw, NAMES)
    assert not plan(config, {"all": MixConfig()}).built
    metas = open_dataset(build(config)).rows("train").index()
    found = plan(config, {"all": MixConfig()})
    assert found.built
    picked = order(metas, MixConfig(), seed=config.seed, epoch=0)
    assert found.draws[0].domain == sum(not metas[at].general for at in picked)
    other = config.model_copy(update={"seed": 7})
    assert not plan(other, {"all": MixConfig()}).built


def test_what_is_guessed_is_near_what_is_built(raw):
    tree = {"phantom": SourceConfig(options={"count": 40, "px": 32}), "medquad": SourceConfig()}
    config = recipe(raw, [], sources=tree)
    guess = plan(config, {"all": MixConfig(balance=False)}).draws[0]
    build(config)
    told = plan(config, {"all": MixConfig(balance=False)}).draws[0]
    assert guess.by["lang"].keys() == told.by["lang"].keys()
    for task in ("caption", "report", "vqa"):
        assert guess.by["task"][task] == pytest.approx(told.by["task"][task], rel=0.05)
