"""The word lists of text cleaning, which a hospital can edit: `words.yaml`, `labels.yaml`, `headers.yaml`."""

import re
from functools import cache
from importlib import resources

import yaml


@cache
def _file(name: str) -> dict[str, str]:
    text = resources.files("doctorsun.privacy.text").joinpath(name).read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found


@cache
def words(name: str) -> frozenset[str]:
    """The words of one list of words.yaml."""
    return frozenset(_file("words.yaml")[name].split())


@cache
def headers() -> dict[str, str]:
    """What a column of a name holds: name, id, phone, address, date, hospital, doctor, age, text, ..."""
    return {name: role for role, names in _file("headers.yaml").items() for name in names.split()}


@cache
def labels(name: str) -> str:
    """A pattern of all labels of a kind, the longest first."""
    text = _file("labels.yaml")[name]
    if name.endswith("_en"):
        found = sorted((" ".join(label.split()) for label in text.split("|")), key=len, reverse=True)
        return either([re.escape(label).replace("\\ ", "[ _]") for label in found])
    found = sorted(text.split(), key=len, reverse=True)
    return either(["[ \\t]{0,4}".join(re.escape(char) for char in label) for label in found])


def either(patterns: list[str]) -> str:
    """One of the patterns; what they begin with stands before them, which makes a search ten times faster."""
    first = sorted({pattern[0] + pattern[0].swapcase() for pattern in patterns})
    return f"(?=[{''.join(first)}])(?:{'|'.join(patterns)})"


@cache
def eponym_noun() -> re.Pattern[str]:
    """What follows a name that a disease bears: "fracture" in "Smith fracture", with its space."""
    nouns = "|".join(sorted(words("eponym_nouns")))
    return re.compile(rf"(?:'s)?[ -](?:{nouns})\b", re.IGNORECASE)
