"""Every sentence a user sees: `say("data.no_rows", where=...)` reads `text/en/data.yaml`."""

import re
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import Literal

import yaml

Lang = Literal["zh", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")

_language: ContextVar[Lang] = ContextVar("ui_language", default="en")


def use_language(lang: Lang) -> None:
    """Show every later sentence in `lang`."""
    _language.set(lang)


def language() -> Lang:
    """The language that sentences are shown in."""
    return _language.get()


@cache
def lines(lang: Lang, room: str) -> dict[str, str]:
    """All sentences of one room in one language, by key."""
    text = resources.files("doctorsun.text").joinpath(lang, f"{room}.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found


def say(key: str, /, **values: object) -> str:
    """The sentence `room.name` in the user's language with `values` put in."""
    return say_in(language(), key, **values)


def say_in(lang: Lang, key: str, /, **values: object) -> str:
    """The sentence `room.name` in `lang` with `values` put in."""
    room, _, name = key.partition(".")
    return lines(lang, room)[name].format(**values)


def reason(key: str, /, lang: Lang | None = None) -> str:
    """The sentence `room.name` as a reason that many records share: without the place, "…" for each value."""
    room, _, name = key.partition(".")
    bare = re.sub(r"^\{(?:where|path)\}[:：]\s*", "", lines(lang or language(), room)[name])
    return bare.format_map(_Left())


class _Left(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"
