"""The phrasing banks: every question and sentence in both languages, side by side, from `phrasings/*.yaml`.

Every fourth phrasing of a question (index % 4 == 3) is held out: it is never used in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any

import yaml

from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Lang, Split

HELD_OUT_EVERY = 4


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One wording in both languages; `name` is "BANK/INDEX"."""

    name: str
    en: str
    zh: str

    def fill(self, lang: Lang, slots: Mapping[str, str]) -> str:
        """The wording in one language with its placeholders filled; English starts with a capital."""
        if lang == "zh":
            return self.zh.format_map(slots)
        text = self.en.format_map(slots)
        return text[:1].upper() + text[1:]


Bank = tuple[Phrasing, ...]


@cache
def banks() -> Mapping[str, Bank]:
    """All banks by name; ConfigError names the line that is not a pair."""
    found: dict[str, Bank] = {}
    folder = resources.files("doctorsun.language").joinpath("phrasings")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        tree: dict[str, list[Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, pairs in tree.items():
            if name in found:
                raise ConfigError("language.doubled_id", where=file.name, found=name)
            found[name] = tuple(_phrasing(name, index, pair) for index, pair in enumerate(pairs))
    return found


def held_out(phrasing: str) -> bool:
    """Whether a phrasing ("BANK/INDEX") is one that training never sees."""
    return int(phrasing.rpartition("/")[2]) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def pick(bank: str, rng: Random, *, split: Split) -> Phrasing:
    """A phrasing of a bank: in training never one that is held out."""
    lines = banks()[bank]
    if split == "train":
        lines = tuple(line for line in lines if not held_out(line.name))
    return rng.choice(lines)


def first_bank(*names: str) -> str:
    """The first of the names that is a bank; ConfigError when none is."""
    for name in names:
        if name in banks():
            return name
    raise ConfigError("language.no_bank", found=", ".join(names))


def _phrasing(name: str, index: int, pair: Any) -> Phrasing:  # noqa: ANN401 - a YAML value
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(isinstance(text, str) and text for text in pair)
    ):
        raise ConfigError("language.bad_phrasing", where=f"{name}/{index}")
    return Phrasing(f"{name}/{index}", en=pair[0], zh=pair[1])
