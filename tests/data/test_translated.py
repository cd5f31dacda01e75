"""A build with a translator: words in one language get the other beside them, the same bytes each time."""

import dataclasses

import pytest

from doctorsun.core.schema import Text
from doctorsun.data import translated as module
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from tests.data.invented import recipe, write_sources


class Invented:
    """Stands for a translator: says each text in the other language, refuses every fifth."""


def in_other_language(texts, translator):
    for at, (name, text) in enumerate(texts):
        if at % 5 == 4:
            yield name, None, "data.translation_numbers"
            continue
        lang = "en" if text.lang == "zh" else "zh"
        words = f"Said otherwise, number {at}." if lang == "en" else f"换一种语言说，第{at}句。"
        question = text.question and (f"Asked otherwise {at}?" if lang == "en" else f"换一种问法{at}？")
        yield (
            name,
            dataclasses.replace(text, answer=words, question=question, lang=lang, origin="translated"),
            None,
        )


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "translate_texts", in_other_language)
    write_sources(tmp_path / "raw", ["vqa_rad", "huatuo_zh"])
    return tmp_path / "raw"


def built(root, out, translator):
    return open_dataset(build(recipe(root, ["vqa_rad", "huatuo_zh"], out=out), translator=translator))


def test_words_get_the_other_language_and_say_what_they_come_from(root, tmp_path):
    dataset = built(root, tmp_path / "one", Invented())
    samples = [sample for part in dataset.splits for sample, _ in dataset.rows(part).words()]
    made = [sample for sample in samples if sample.origin == "translated"]
    names = {sample.id: sample for sample in samples}
    assert made and {sample.lang for sample in made} == {"zh", "en"}
    for sample in made:
        original = names[sample.derived_from]
        assert original.lang != sample.lang and original.split == sample.split
        assert (
            original.group == sample.group and original.id.rpartition("/")[0] == sample.id.rpartition("/")[0]
        )
    for source in dataset.info["sources"].values():
        noted = source["counts"]["noted"]
        assert noted["data.translated"] + noted["data.translation_numbers"] == noted["data.one_language"]


def test_the_same_translations_give_the_same_bytes(root, tmp_path):
    one, two = (built(root, tmp_path / name, Invented()).info["files"] for name in ("one", "two"))
    assert {name: file for name, file in one.items() if name.startswith("data/")} == {
        name: file for name, file in two.items() if name.startswith("data/")
    }


def test_without_a_translator_words_stay_in_one_language_and_are_counted(root, tmp_path):
    dataset = built(root, tmp_path / "one", None)
    assert not any(
        sample.origin == "translated" for part in dataset.splits for sample, _ in dataset.rows(part).words()
    )
    assert all(source["counts"]["noted"]["data.one_language"] for source in dataset.info["sources"].values())


def test_a_translation_that_a_filter_refuses_is_noted(root, tmp_path, monkeypatch):
    def empty(texts, translator):
        for name, text in texts:
            yield name, Text("", lang="en" if text.lang == "zh" else "zh", task=text.task), None

    monkeypatch.setattr(module, "translate_texts", empty)
    noted = built(root, tmp_path / "one", Invented()).info["sources"]["huatuo_zh"]["counts"]["noted"]
    assert noted["data.translation_reply"] == noted["data.one_language"]
