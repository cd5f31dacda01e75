"""The review page: before and after side by side, for its owner alone, outside of the output."""

import re
import stat

import pytest

from doctorsun.core.errors import StorageError
from doctorsun.privacy.review import SHOWN, Reviewed, render, write_review
from doctorsun.privacy.text import TextCleaner
from tests.privacy.leftovers import KEY
from tests.privacy.reports import make


def reviewed(text, where="row 1"):
    return Reviewed(where, text, TextCleaner(KEY).clean(text))


def test_the_page_shows_before_and_after_with_marks_and_counts():
    page = render([reviewed("姓名：李四，电话13812345678。右肺结节8mm。"), reviewed("双肺清晰。", "row 2")])
    assert "姓名：⟦李四⟧，电话⟦13812345678⟧。右肺结节8mm。" in page
    assert "姓名：[姓名]，电话[电话]。右肺结节8mm。" in page
    assert "李四 → [姓名]" in page
    assert "row 2" in page
    assert "共 2 条文本，删除或替换 2 处。" in page


def test_the_page_says_in_both_languages_that_it_shows_patients_data():
    page = render([])
    assert "patients&#x27; data" in page
    assert "患者数据" in page


def test_every_text_is_escaped():
    page = render([reviewed("<script>alert(1)</script> 姓名：李四")])
    assert "<script>alert" not in page


def test_many_texts_are_counted_and_the_first_ones_are_shown():
    texts = [reviewed(f"姓名：李四 {number}", f"row {number}") for number in range(SHOWN + 3)]
    page = render(texts)
    assert len(re.findall("<article", page)) == SHOWN
    assert f"{SHOWN + 3} texts, {SHOWN + 3} values" in page


def test_every_kind_has_a_name_on_the_page():
    texts = [Reviewed("r", report.text, TextCleaner(KEY).clean(report.text)) for report in make(20, "zh")]
    assert render(texts).count("<article") == 20


def test_only_the_owner_can_read_it_and_a_second_one_replaces_it(tmp_path):
    for text in ("姓名：李四", "姓名：王五"):
        path = write_review(tmp_path / "review.html", [reviewed(text)], outside=tmp_path / "out")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "王五" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["review.html"]


def test_it_never_lies_inside_the_output(tmp_path):
    with pytest.raises(StorageError) as caught:
        write_review(tmp_path / "out" / "review.html", [], outside=tmp_path / "out")
    assert caught.value.key == "privacy.review_inside"
    assert not (tmp_path / "out").exists()
