"""A translation that is killed in the middle and run again gives what an unbroken one gives."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from doctorsun.data.translation.config import TranslationConfig
from doctorsun.data.translation.run import translate_texts
from doctorsun.data.translation.translator import Translator
from doctorsun.engines.http import HttpChat, HttpSettings
from tests.data.test_translation import PAIRS, TABLE, text
from tests.engines.served import serving, words

PROGRAM = """
import sys
from tests.data.test_translation_killed import translated
print(translated(sys.argv[1], sys.argv[2]))
"""
GIVEN = [(f"{at}/{copy}", text(f"{copy}. {zh}")) for copy in range(2, 7) for at, zh in enumerate(PAIRS)]


def answer(asked):
    """The table's translation, the number before the words kept."""
    told = []
    for one in json.loads(words(asked)):
        number, _, rest = one.partition(" ")
        told.append(f"{number} {TABLE[rest]}")
    return json.dumps(told, ensure_ascii=False)


def translated(url, cache):
    """The outcomes of all texts as JSON."""
    chat = HttpChat(url, HttpSettings(workers=2, retries=2), sleep=lambda seconds: None)
    made = Translator(chat, TranslationConfig(endpoint=url, cache=cache, workers=2))
    found = [
        (name, None if one is None else one.answer, why) for name, one, why in translate_texts(GIVEN, made)
    ]
    return json.dumps(found, ensure_ascii=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with serving(answer=answer) as served:
        found = translated(served.url, tmp_path_factory.mktemp("whole"))
    assert sum(row[1] is not None for row in json.loads(found)) == len(GIVEN)
    return found


@pytest.mark.parametrize("at", [3, 20, 75])
def test_what_was_killed_goes_on_and_ends_the_same(at, whole, tmp_path):
    reached, hold = threading.Event(), threading.Event()

    def trouble(number, _asked):
        if number == at:
            reached.set()
        if number >= at and not hold.is_set():
            hold.wait(30)

    with serving(answer=answer, trouble=trouble) as served:
        command = [sys.executable, "-c", PROGRAM, served.url, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert reached.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        hold.set()
        before = len(served.asked)
        assert translated(served.url, tmp_path) == whole
        again = len(served.asked) - before
    assert again <= 2 * len(GIVEN) - at + 2 * 4 * 2
