"""Texts that say nearly the same are paired in any language; others are not."""

import random

import numpy as np
import pytest

from doctorsun.data.near.distinct import clusters
from doctorsun.data.near.texts import HASHES, PRINT_BYTES, near_texts, text_print, text_prints

ZH = (
    "左肺上叶可见一枚直径约8mm的磨玻璃结节，边界清楚，余肺野清晰，"
    "心影大小形态正常，双侧肋膈角锐利，建议半年后复查。"
)
EN = (
    "A ground glass nodule of about 8 mm lies in the left upper lobe with a clear border; the rest of the "
    "lungs is clear, the heart has a normal size and both costophrenic angles are sharp."
)


def words(rng: random.Random, count: int) -> str:
    return " ".join("".join(rng.choices("abcdefgh", k=5)) for _ in range(count))


def alike(one: str, two: str) -> float:
    first, second = text_prints([one, two]).view(np.uint16)
    return float((first == second).mean())


def test_a_print_has_its_length_and_many_are_as_one_by_one():
    texts = [ZH, EN, "", "x", "CT " * 50, ZH + EN, "𠀀𠀁𠀂𠀃"]
    prints = text_prints(texts)
    assert prints.shape == (len(texts), PRINT_BYTES)
    assert [bytes(row) for row in prints] == [text_print(text) for text in texts]


def test_chunks_do_not_change_a_print():
    rng = random.Random(0)
    texts = [words(rng, 400) for _ in range(60)]
    assert bytes(text_prints(texts)[57]) == text_print(texts[57])


def test_capitals_stops_spaces_and_width_do_not_matter():
    assert text_print("The CT shows a 3 mm nodule.") == text_print("the ct, shows a 3  mm nodule")
    assert text_print("ＣＴ示３mm结节。") == text_print("CT示3mm结节")
    assert text_print("结节") != text_print("节结")


@pytest.mark.parametrize(
    ("text", "cut"), [(ZH, "心影大小形态正常，"), (EN, "the heart has a normal size and ")]
)
def test_a_text_with_a_clause_left_out_is_near_and_another_text_is_not(text, cut):
    texts = [
        text,
        text.replace(cut, ""),
        words(random.Random(1), 40),
        "右侧股骨颈骨折，断端错位明显，周围软组织肿胀。",
    ]
    assert near_texts(text_prints(texts)).tolist() == [[0, 1]]


def test_the_estimate_is_that_of_jaccard():
    rng = random.Random(2)
    for share in (0.5, 0.7, 0.9):
        errors = []
        for _ in range(30):
            tokens = words(rng, 300).split()
            kept = round(300 * share)
            one, two = " ".join(tokens), " ".join(tokens[:kept])
            errors.append(alike(one, two) - (kept - 2) / 298)
        assert abs(np.mean(errors)) < 3 * 0.5 / np.sqrt(HASHES * 30)


def test_texts_without_words_pair_with_none():
    prints = text_prints(["", "。。。", "?!", ""])
    assert not prints.any()
    assert near_texts(prints).shape == (0, 2)
    assert near_texts(prints, others=text_prints(["", EN])).shape == (0, 2)


def test_a_thousand_equal_texts_make_a_thousand_pairs_and_not_their_square():
    prints = np.concatenate([text_prints([EN] * 1000), text_prints([ZH])])
    pairs = near_texts(prints)
    assert len(pairs) == 999
    assert (clusters(pairs, 1001)[:1000] == 0).all()
    assert len(near_texts(prints, others=prints[:2])) <= 1002


def test_between_two_sets_only_pairs_across_them_are_told():
    one, two = text_prints([EN, EN, ZH]), text_prints([words(random.Random(3), 30), ZH + "。", EN])
    assert near_texts(one, others=two).tolist() == [[0, 2], [1, 2], [2, 1]]


def test_most_changed_copies_among_many_are_found():
    rng = random.Random(4)
    texts = [words(rng, 60) for _ in range(400)]
    copies = []
    for text in texts:
        tokens = text.split()
        tokens[rng.randrange(60)] = "other"
        copies.append(" ".join(tokens))
    pairs = near_texts(text_prints(texts + copies))
    assert len(pairs) == 400
    assert (pairs[:, 1] - pairs[:, 0] == 400).all()
