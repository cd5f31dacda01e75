"""The page of a data set: in words of both languages, small, the same each time, closed when it must be."""

import json
import re
import stat

import pytest

from doctorsun.core.blocks import Note, Section, Token
from doctorsun.core.errors import StorageError
from doctorsun.core.page import both
from doctorsun.core.schema import Fact
from doctorsun.data.dataset import open_dataset
from doctorsun.data.inspection import cards, render, write_page
from doctorsun.data.inspection.choosing import choose
from doctorsun.data.inspection.losses import STEPS, step_of
from doctorsun.data.miniature import tiny_picture
from doctorsun.data.wording import fact_words, question_word
from tests.data.published import publish, talk, turn

AUDIT = {"shared": {}, "doubled_ids": 0, "rows_in_the_wrong_split": 0, "official": None, "answers": {}}


@pytest.fixture(scope="module")
def page(built, tmp_path_factory):
    return write_page(built.path, tmp_path_factory.mktemp("page") / "page.html").read_text("utf-8")


def facets(page):
    return [json.loads(one.replace("&quot;", '"')) for one in re.findall(r'data-facets="([^"]*)"', page)]


def test_the_page_of_a_build_is_the_page_of_the_command(built, page):
    assert page == (built.path / "index.html").read_text("utf-8")


def test_both_languages_of_a_question_stand_side_by_side(page):
    pair = re.search(r'<dd><div lang="zh"><p>([^<]+)</p>.*?<div lang="en"><p>([^<]+)</p>', page)
    assert re.search("[一-鿿]", pair[1])
    assert not re.search("[一-鿿]", pair[2])


def test_a_question_in_one_language_stands_alone(page):
    assert '<dd class="alone"><div lang="en">' in page
    assert '<dd class="alone"><div lang="zh">' in page


def test_samples_are_filtered_by_source_modality_language_task_and_split(built, page):
    found = [each for each in facets(page) if "lang" in each]
    assert {each["source"] for each in found} == set(built.info["sources"])
    assert {each["split"] for each in found} == set(built.splits)
    assert {"xray", "dermoscopy", "none"} <= {each["modality"] for each in found}
    assert any(each["lang"] == ["en", "zh"] for each in found)
    assert any("vqa" in each["task"] for each in found)
    for key in ("source", "modality", "lang", "task", "split"):
        assert f'data-facet="{key}"' in page


def test_what_was_left_out_has_its_reason_number_and_examples(tmp_path):
    counts = {
        "kept": 3,
        "words": 0,
        "dropped": {"data.licence": 12345, "imaging.damaged": 2},
        "noted": {},
        "examples": {"imaging.damaged": ["invented/7"]},
    }
    sample = talk(0, (turn("user", "a?"), turn("assistant", "b")))
    dataset = publish(tmp_path / "set", [sample], files={"audit.json": json.dumps(AUDIT)})
    info = dataset.info
    info["sources"]["invented"]["counts"] = counts
    page = render(dataset, AUDIT)
    assert "12,345" in page
    assert "invented/7" in page
    assert "the picture is damaged or cut short" in page
    assert "图像已损坏或不完整" in page
    dropped = [each for each in facets(page) if "reason" in each]
    assert dropped == [
        {"source": "invented", "step": "licence", "reason": "data.licence"},
        {"source": "invented", "step": "picture", "reason": "imaging.damaged"},
    ]


def test_no_raw_id_heads_a_question(page):
    heads = set(re.findall(r"<dt>(.*?)</dt>", page))
    assert heads
    assert not [head for head in heads if re.search(r">[a-z]+_[a-z_]+|>vqa<|/what|yesno", head)]


@pytest.mark.parametrize(
    ("key", "zh", "en"),
    [
        ("x/chest_view/what", "投照体位 · 哪一种", "projection · which"),
        (
            "x/breast_lesion=benign/yesno",
            "乳腺病变性质：良性 · 是非",
            "nature of the breast lesion: Benign · yes or no",
        ),
        ("x/human/yesno", "其他 · 是非", "other · yes or no"),
    ],
)
def test_the_key_of_a_question_in_words(key, zh, en):
    words = question_word(key)
    assert (words.zh, words.en) == (zh, en)


def test_a_fact_in_words():
    words = fact_words(Fact("nodule", status="absent"))
    assert words.zh.endswith("：无")
    assert words.en.endswith(": absent")
    sized = fact_words(Fact("nodule", status="present", laterality="left", size_mm=3.5))
    assert "3.5 mm" in sized.en


def test_every_reason_has_a_step():
    steps = {step for step, _ in STEPS}
    assert step_of("data.licence") == "licence"
    assert step_of("data.doubled_record") == "double"
    assert step_of("imaging.damaged") == "picture"
    assert step_of("data.bad_encoding") == "reading"
    assert step_of("data.too_long") == "words"
    assert "words" not in steps


def test_tokens_are_shown_with_those_that_are_learnt_apart(built, tmp_path):
    def view(sample):
        return [Token("<asked>", learnt=False), Token(sample.messages[-1].text[:9], learnt=True)]

    page = write_page(built.path, tmp_path / "page.html", tokens=view).read_text("utf-8")
    assert "<i>&lt;asked&gt;</i><b>" in page
    assert "词元，中文" in page


def test_a_page_with_patients_data_is_its_owners_alone_and_outside_the_set(built, tmp_path):
    queue = [Section(both("data.page_samples"), [Note("a name")])]
    place = write_page(built.path, tmp_path / "page.html", review=queue)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert "a name" in place.read_text("utf-8")
    with pytest.raises(StorageError):
        write_page(built.path, built.path / "page.html", review=queue)
    assert not (built.path / "page.html").exists()


def test_the_choice_is_the_same_each_time_another_with_another_seed_and_whole(built):
    rows = built.rows("train")
    one, again, other = (choose(rows, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    metas = rows.index()
    for lot in one:
        pictures = {metas[at].picture for at in lot}
        assert len(pictures) == 1 or {metas[at].picture for at in lot} == {None}
        if (picture := pictures.pop()) is not None:
            same = [
                meta.row for meta in metas if (meta.picture, meta.source) == (picture, metas[lot[0]].source)
            ]
            assert list(lot) == same
    assert {metas[lot[0]].source for lot in one} == {meta.source for meta in metas}


def test_a_page_keeps_to_its_budget_and_still_shows_every_split(tmp_path, monkeypatch):
    samples = []
    for at in range(60):
        raw = tiny_picture(str(at), size=(200, 200))
        split = "test" if at % 3 == 0 else "train"
        samples.append(talk(at, (turn("user", None, "a?"), turn("assistant", "b")), (raw,), split=split))
    dataset = publish(tmp_path / "set", samples, files={"audit.json": json.dumps(AUDIT)})
    whole = write_page(dataset.path, tmp_path / "a.html").read_text("utf-8")
    monkeypatch.setattr(cards, "BUDGET_BYTES", 30_000)
    small = write_page(open_dataset(dataset.path).path, tmp_path / "b.html").read_text("utf-8")
    assert len(small) < len(whole)
    assert {each["split"] for each in facets(small)} == {"train", "test"}


def test_what_was_compared_with_benchmarks_stands_among_the_proofs(tmp_path):
    audit = {
        **AUDIT,
        "near": {"pairs": 7, "left_out": 3},
        "benchmarks": {"vqa_rad": {"exact": 12, "near": {"flip": 1234}}, "note": "words"},
    }
    sample = talk(0, (turn("user", "a?"), turn("assistant", "b")))
    page = render(publish(tmp_path / "set", [sample]), audit)
    assert "vqa_rad · near · flip" in page
    assert "1,234" in page
    assert "near-identical pairs that were confirmed" in page
