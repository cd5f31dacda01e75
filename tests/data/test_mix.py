"""Mixing: a function of seed and epoch, even answers, a declared share of general text."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError
from doctorsun.data.dataset import Meta
from doctorsun.data.mix import MixConfig, order


def meta(at, *, key=None, **values):
    usual = {"lang": "en", "task": "vqa", "kind": "closed", "source": "skin", "label": None, "general": False}
    return Meta(
        id=f"{at}", topic="diagnosis", question_key=key, picture=f"p{at}", row=at, **{**usual, **values}
    )


def skewed(number=1000):
    """One question whose first answer is nine times as frequent as its second, in two languages."""
    return [
        meta(at, label="common" if at % 10 else "rare", key="skin/dx/what", lang="zh" if at % 2 else "en")
        for at in range(number)
    ]


def test_kinds_and_topics_choose_among_medical_samples_alone():
    metas = [
        meta(0),
        replace(meta(1), topic="modality"),
        meta(2, kind="open"),
        meta(3, kind="open", general=True),
    ]
    mix = MixConfig(kinds=("closed",), topics=("diagnosis",), general=1.0, balance=False)
    assert set(order(metas, mix, seed=0, epoch=0)) == {0, 3}


def spread():
    large = [meta(at, source="large") for at in range(900)]
    return large + [meta(900 + at, source="small") for at in range(100)]


def test_the_same_seed_and_epoch_give_the_same_order():
    metas = skewed()
    one = order(metas, MixConfig(), seed=3, epoch=2)
    assert one == order(metas, MixConfig(), seed=3, epoch=2)
    assert one != order(metas, MixConfig(), seed=3, epoch=3)
    assert one != order(metas, MixConfig(), seed=4, epoch=2)


def test_answers_of_one_question_come_equally_often_in_each_language():
    metas = [meta(at, label="ab"[at % 5 == 0], key="k", lang="zh" if at % 3 else "en") for at in range(900)]
    counts = Counter((metas[at].lang, metas[at].label) for at in order(metas, MixConfig(), seed=0, epoch=0))
    for lang in ("zh", "en"):
        assert abs(counts[lang, "a"] - counts[lang, "b"]) <= 1


def test_nothing_is_repeated_more_than_allowed():
    metas = [meta(at, label="one" if at else "rare", key="k") for at in range(500)]
    counts = Counter(order(metas, MixConfig(repeat=4), seed=0, epoch=0))
    assert max(counts.values()) == 4


def test_without_balance_an_epoch_is_every_sample_once():
    metas = skewed()
    assert sorted(order(metas, MixConfig(balance=False), seed=0, epoch=0)) == list(range(1000))


def test_over_the_epochs_every_sample_is_seen():
    metas = skewed()
    seen = {at for epoch in range(4) for at in order(metas, MixConfig(), seed=0, epoch=epoch)}
    assert seen == set(range(1000))


def test_large_sources_are_tempered_and_the_whole_stays_as_large():
    metas = spread()
    counts = Counter(metas[at].source for at in order(metas, MixConfig(temper=0.5), seed=0, epoch=0))
    assert counts == {"large": 750, "small": 250}


@pytest.mark.parametrize(("general", "expected"), [(0.5, 50), (0.0, 0), (1.0, 100), (None, 80)])
def test_general_text_has_its_declared_share(general, expected):
    metas = [meta(at) for at in range(100)]
    metas += [meta(100 + at, source="talk", general=True, task="qa") for at in range(80)]
    chosen = order(metas, MixConfig(general=general), seed=0, epoch=0)
    assert sum(metas[at].general for at in chosen) == expected


def test_filters_choose_what_a_stage_sees():
    metas = [
        meta(0, lang="zh"),
        meta(1, lang="en", task="caption", kind="report"),
        meta(2, source="eye"),
        meta(3, kind=None, task="qa", general=True),
    ]
    bare = {"general": None, "balance": False}
    assert order(metas, MixConfig(langs=("zh",), **bare), seed=0, epoch=0) == [0]
    assert order(metas, MixConfig(tasks=("caption",), **bare), seed=0, epoch=0) == [1]
    assert set(order(metas, MixConfig(sources=("eye",), **bare), seed=0, epoch=0)) == {2, 3}
    assert set(order(metas, MixConfig(kinds=(None, "report"), **bare), seed=0, epoch=0)) == {1, 3}


def test_a_limit_ends_the_epoch():
    assert len(order(skewed(), MixConfig(limit=17), seed=0, epoch=0)) == 17


def test_nothing_gives_nothing():
    assert order([], MixConfig(), seed=0, epoch=0) == []


def test_general_text_alone_is_taken_as_it_is():
    metas = [meta(at, general=True, task="qa") for at in range(10)]
    assert sorted(order(metas, MixConfig(), seed=0, epoch=0)) == list(range(10))


def test_a_misspelt_key_names_the_near_one():
    with pytest.raises(ConfigError, match="general"):
        validate(MixConfig, {"genera": 1}, where="x")


@settings(max_examples=50, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.sampled_from("ab"), some.sampled_from(["en", "zh"]), some.sampled_from(["x", "y", None])
        ),
        max_size=60,
    ),
    some.integers(0, 5),
)
def test_every_place_of_an_order_is_a_place_of_the_data(drawn, epoch):
    metas = [
        meta(at, source=source, lang=lang, label=label, key="k" if label else None)
        for at, (source, lang, label) in enumerate(drawn)
    ]
    assert set(order(metas, MixConfig(), seed=1, epoch=epoch)) <= set(range(len(metas)))


def drawn(metas, mix):
    return [metas[at] for at in order(metas, mix, seed=0, epoch=0)]


def test_a_source_is_shown_as_often_as_its_epochs_say_and_no_more_than_its_cap():
    counts = Counter(each.source for each in drawn(spread(), MixConfig(epochs={"small": 3, "large": 0.5})))
    assert counts == {"small": 300, "large": 450}
    counts = Counter(each.source for each in drawn(spread(), MixConfig(caps={"large": 50}, temper=1)))
    assert counts == {"small": 100, "large": 50}


def test_shares_of_language_and_modality_hold_together():
    metas = [
        meta(at, lang="zh" if at % 5 == 0 else "en", modality=("ct", "xray", None)[at % 3])
        for at in range(3000)
    ]
    mix = MixConfig(shares={"lang": {"zh": 0.5}, "modality": {"ct": 0.2, "xray": 0.6}})
    found = drawn(metas, mix)
    assert abs(sum(each.lang == "zh" for each in found) / len(found) - 0.5) < 0.01
    assert abs(sum(each.modality == "ct" for each in found) / len(found) - 0.2) < 0.01
    assert abs(sum(each.modality == "xray" for each in found) / len(found) - 0.6) < 0.01


def test_a_share_of_what_is_not_there_leaves_the_others_whole():
    found = drawn(spread(), MixConfig(shares={"lang": {"zh": 0.5, "en": 0.5}}, temper=1))
    assert len(found) == 1000
    assert {each.lang for each in found} == {"en"}


def test_shares_above_one_are_refused():
    with pytest.raises(ConfigError, match="lang"):
        validate(MixConfig, {"shares": {"lang": {"zh": 0.8, "en": 0.4}}}, where="mixture")
