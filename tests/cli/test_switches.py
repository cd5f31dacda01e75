"""`--ui`, `--debug` and `--online` may stand anywhere, and the locale is asked when `--ui` is not given."""

import pytest

from doctorsun.cli.switches import Switches, locale_language, stay_offline, take_switches
from doctorsun.core.errors import ConfigError


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_locale_says_which_language(environment: dict[str, str], lang: str):
    assert locale_language(environment) == lang


@pytest.mark.parametrize("words", [["--ui", "zh", "doctor"], ["doctor", "--ui=zh"], ["doctor", "--ui", "zh"]])
def test_the_language_may_stand_anywhere(words: list[str]):
    assert take_switches(words, {}) == (Switches("zh"), ["doctor"])


def test_what_follows_two_dashes_is_left_alone():
    words = ["ask", "--debug", "m", "--", "--ui", "zh"]
    assert take_switches(words, {}) == (Switches("en", debug=True), ["ask", "m", "--", "--ui", "zh"])


@pytest.mark.parametrize("words", [["--ui", "fr"], ["--ui=fr"], ["--ui"]])
def test_a_language_that_is_none_is_refused(words: list[str]):
    with pytest.raises(ConfigError, match="expected zh or en"):
        take_switches(words, {})


def test_libraries_stay_off_the_network_unless_the_user_asks():
    environment: dict[str, str] = {}
    stay_offline(environment, online=False)
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    asked: dict[str, str] = {}
    stay_offline(asked, online=True)
    assert "HF_HUB_OFFLINE" not in asked
    assert asked["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_what_the_user_has_set_stays():
    environment = {"HF_HUB_OFFLINE": "0"}
    stay_offline(environment, online=False)
    assert environment["HF_HUB_OFFLINE"] == "0"
