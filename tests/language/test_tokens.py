"""Tokens for metrics: SQuAD for English, characters for Chinese, mixed text alike."""

import pytest

from doctorsun.language.tokens import normal, tokens


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("The left lung.", "en", ["left", "lung"]),
        ("A nodule, an effusion!", "en", ["nodule", "effusion"]),
        ("X-ray", "en", ["xray"]),
        ("Isn't it?", "en", ["isnt", "it"]),
        ("the 左肺 lung", "en", ["左", "肺", "lung"]),
        ("左肺结节。", "zh", ["左", "肺", "结", "节"]),
        ("CT示3.5cm结节", "zh", ["ct", "示", "3.5", "cm", "结", "节"]),
        ("ＣＴ，COVID-19阳性", "zh", ["ct", "covid-19", "阳", "性"]),
        ("", "zh", []),
        ("。！", "zh", []),
    ],
)
def test_text_becomes_tokens(text: str, lang: str, expected: list[str]):
    assert tokens(text, lang) == expected


def test_exact_match_does_not_see_articles_case_and_punctuation():
    assert normal("The Left Lung.", "en") == normal("left lung", "en") == "left lung"
    assert normal("左肺 ，结节。", "zh") == normal("左肺结节", "zh") == "左肺结节"
