"""The study before: which records show it, in which order, and what stays out of them."""

from dataclasses import replace

from doctorsun.core import plugins
from doctorsun.core.schema import Picture, Record, Shown, Text
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.priors import with_priors
from tests.data.invented import ACCEPT, recipe


def study(name: str, *, group: str = "p", pictures: int = 1, words: str = "Clear.", **more) -> Record:
    texts = (Text(answer=words, lang="en", task="report", kind="report"),) if words else ()
    images = tuple(Picture(f"{name}{at}".encode(), f"{name}-{at}.png") for at in range(pictures))
    return Record(name, images=images, texts=texts, group=group, **more)


def found(*dated):
    return [(each.id, [one.path for one in each.images]) for each in with_priors(dated)]


def test_each_study_with_words_is_shown_again_beside_the_one_before_whatever_the_order():
    b, a, c = study("b", pictures=2), study("a", words=""), study("c")
    assert found(("2", b), ("1", a), ("3", c))[3:] == [
        ("b-prior", ["a-0.png", "b-0.png", "b-1.png"]),
        ("c-prior", ["b-0.png", "b-1.png", "c-0.png"]),
    ]


def test_no_pair_without_an_order_a_picture_a_word_or_of_two_patients():
    assert len(found(("1", study("a")), ("1", study("b")))) == 2
    assert len(found(("", study("a")), ("2", study("b")))) == 2
    assert len(found(("1", study("a", pictures=0)), ("2", study("b")))) == 2
    assert len(found(("1", study("a")), ("2", study("b", words="")))) == 2
    assert len(found(("1", study("a")), ("2", study("b", group="q")))) == 2


def test_slices_keep_their_names_facts_are_left_out_and_what_is_held_out_stays_out():
    volume = study("a", pictures=2, split="test", shown=(Shown(slice=1, count=9), Shown(slice=5, count=9)))
    pair = list(with_priors([("1", volume), ("2", study("b"))]))[-1]
    assert [one.study for one in pair.shown] == ["prior", "prior", "current"]
    assert [one.slice for one in pair.shown] == [1, 5, None]
    assert pair.split == "test" and pair.facts == ()
    assert replace(pair, id="b").texts == study("b").texts


def test_mimic_cxr_shows_the_study_before_in_a_built_data_set(tmp_path):
    plugins.find(sources, "mimic_cxr").example(tmp_path / "raw")
    place = plugins.find(sources, "mimic_cxr").find(tmp_path / "raw")
    plain = list(plugins.find(sources, "mimic_cxr").records(place, Counts()))
    more = list(plugins.find(sources, "mimic_cxr").records(place, Counts(), prior=True))
    added = [each for each in more if each.id.endswith("-prior")]
    assert len(more) == len(plain) + 3 and len(added) == 3  # three patients of two studies each
    assert all(len(each.images) == 2 for each in added)
    said = {"mimic_cxr": {"accept": ACCEPT, "options": {"prior": True}}}
    dataset = open_dataset(build(recipe(tmp_path / "raw", [], sources=said)))
    rows = [sample for part in dataset.splits for sample in dataset.rows(part)]
    pairs = [sample for sample in rows if "-prior/" in sample.id]
    assert len(pairs) == 3
    for sample in pairs:
        kinds = [part.text or part.type for part in sample.messages[0].content]
        assert kinds[:4] == ["Prior study:\n", "image", "Current study:\n", "image"]
        itself = next(each for each in rows if each.id == sample.id.replace("-prior", ""))
        assert (sample.group, sample.split) == (itself.group, itself.split)
        assert sample.images[1:] == itself.images
    assert not any("218005" in repr(sample) for sample in rows)  # no date is in what is made
