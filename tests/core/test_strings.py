"""Sentences come in the language of the user, at the time they are shown."""

import pytest

from doctorsun.core.errors import ConfigError, MissingExtra
from doctorsun.core.strings import LANGUAGES, language, say, say_in, use_language


@pytest.fixture(autouse=True)
def _english_again():
    yield
    use_language("en")


def test_english_is_spoken_until_somebody_asks_for_chinese():
    assert language() == "en"
    assert say("core.no_preset_file", where="a.yaml") == "a.yaml: there is no such file"
    use_language("zh")
    assert say("core.no_preset_file", where="a.yaml") == "a.yaml：没有这个文件"


def test_one_sentence_can_be_had_in_both_languages_at_once():
    assert len({say_in(lang, "core.missing_key", where="x") for lang in LANGUAGES}) == 2


def test_an_error_speaks_the_language_of_the_moment_it_is_shown():
    error = ConfigError("core.missing_key", where="name")
    before = str(error)
    use_language("zh")
    assert before != str(error)
    assert "name" in str(error)


def test_a_missing_extra_names_the_feature_and_what_to_install():
    line = str(MissingExtra("training", "model"))
    assert "training" in line
    assert "pip install 'doctorsun[model]'" in line


def test_values_with_braces_stay_as_they_are():
    assert "{x}" in say("core.no_preset_file", where="{x}")
