"""What metrics, slices, conditions and questions are called in a report, in both languages."""

import json

from doctorsun.core.strings import lines
from doctorsun.core.words import Both, Words, both, join
from doctorsun.language.glossary import glossary


def named(group: str, name: str) -> Words:
    """The words of `evals.GROUP_NAME`; the name itself where it has none, as a data set's own names have."""
    key = f"{group}_{name}".replace("!=", "_not_").replace("|", "_").replace("-", "_")
    return both(f"evals.{key}") if key in lines("en", "evals") else name


def slice_name(part: str) -> Words:
    """The words of a slice: `lang`, `topic=side`, `source=busi,topic=diagnosis`, `question=KEY`."""
    if part == "all":
        return both("evals.slice_all")
    if part.startswith("question="):
        return question_name(part.partition("=")[2])
    if part.startswith("topic!="):
        return both("evals.slice_without", name=_both(named("topic", part.partition("!=")[2])))
    values = [piece.partition("=") for piece in part.split(",")]
    return join([_value_name(dimension, value) for dimension, _, value in values], zh=" · ", en=" · ")


def question_name(key: str) -> Words:
    """The words of `SOURCE/FACT/FORM` or `SOURCE/FACT=VALUE/yesno`, by the glossary."""
    source, _, rest = key.partition("/")
    fact, _, form = rest.rpartition("/")
    name, equals, value = fact.partition("=")
    asked = [_term(name), _term(value)] if equals else [_term(name)]
    return join([join(asked, zh="：", en=": "), named("form", form), source], zh=" · ", en=" · ")


def _term(name: str) -> Words:
    found = glossary().attributes.get(name) or glossary().terms.get(name)
    return Both(zh=found.zh, en=found.en) if found else named("topic", name)


def _value_name(dimension: str, value: str) -> Words:
    if dimension == "topic" and "|" in value:
        return join([named("topic", one) for one in value.split("|")], zh="、", en=", ")
    return _term(value) if dimension == "modality" else named(dimension, value)


def _both(words: Words) -> Both:
    return words if isinstance(words, Both) else Both(words, words)


def settings_text(settings: dict[str, object]) -> str:
    """The settings as lines of `name: value`."""
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in sorted(settings.items()))
