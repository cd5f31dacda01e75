"""The sentences of `text/`: the same keys in zh and en, every key known, every key used."""

import ast
import re
import string
from functools import cache

import pytest
import yaml

from tests.house import HANZI, PACKAGE, Source, calls, dotted, sources

ROOMS = sorted(path.stem for path in (PACKAGE / "text" / "en").glob("*.yaml"))
KINDS = {"DoctorSunError", "ConfigError", "RecordError", "DataError", "ModelError", "TrainError", "EvalError"}
FIRST = KINDS | {"StorageError", "say", "both"}
SECOND = {"say_in", "track"}
LATER = {"step", "note"}


@cache
def keys(lang: str) -> dict[str, str]:
    found = {}
    for path in sorted((PACKAGE / "text" / lang).glob("*.yaml")):
        for name, line in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            found[f"{path.stem}.{name}"] = line
    return found


def places(line: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(line) if name is not None}


def test_both_languages_have_the_same_rooms():
    assert sorted(path.stem for path in (PACKAGE / "text" / "zh").glob("*.yaml")) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_have_the_same_keys_and_placeholders(room: str):
    en = {key: line for key, line in keys("en").items() if key.startswith(f"{room}.")}
    zh = {key: line for key, line in keys("zh").items() if key.startswith(f"{room}.")}
    assert list(en) == list(zh)
    for key, line in en.items():
        assert isinstance(line, str) and isinstance(zh[key], str), f"{key} is no text; put it in quotes"
        assert places(line) == places(zh[key]), key


def test_the_chinese_sentences_are_chinese_and_the_english_are_not():
    english = {key for key, line in keys("zh").items() if not HANZI.search(line) and line != keys("en")[key]}
    assert not {key for key in english if any(map(str.isalpha, re.sub(r"{[^}]*}", "", keys("zh")[key])))}
    assert not {key for key, line in keys("en").items() if HANZI.search(line) and "中文" not in line}


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_every_key_that_is_said_exists_and_gets_its_values(source: Source):
    wrong = [problem for call in calls(source) if (problem := _problem(call))]
    assert not wrong


def test_every_key_in_the_files_is_used():
    used, patterns = _mentioned()
    unused = [
        key
        for key in keys("en")
        if key not in used and not any(re.fullmatch(pattern, key) for pattern in patterns)
    ]
    assert not unused


def _problem(call: ast.Call) -> str:
    """What is wrong with the key that a call says; empty when nothing is."""
    key = _key(call)
    if key is None:
        return ""
    if key not in keys("en"):
        return f"line {call.lineno}: {key} is not in text/en"
    given = {word.arg for word in call.keywords}
    lacking = places(keys("en")[key]) - given
    checked = dotted(call.func).split(".")[-1] in FIRST and None not in given
    return f"line {call.lineno}: {key} lacks {sorted(lacking)}" if checked and lacking else ""


def _key(call: ast.Call) -> str | None:
    """The constant key that a call says, else null."""
    name = dotted(call.func).split(".")[-1] or _method(call.func)
    at = 0 if name in FIRST | LATER else 1 if name in SECOND else None
    if at is None or len(call.args) <= at:
        return None
    first = call.args[at]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    room = first.value.partition(".")[0]
    return first.value if name in FIRST or room in ROOMS else None


def _method(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else ""


def _mentioned() -> tuple[set[str], list[str]]:
    used, patterns = set(), []
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                pattern = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                    for part in node.values
                )
                if pattern.partition("\\.")[0] in ROOMS:
                    patterns.append(pattern)
    return used, patterns
