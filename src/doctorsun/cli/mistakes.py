"""What is wrong with the words of a command line, in the user's language, and where its help is."""

import re
from typing import Any

import typer

from doctorsun.core.strings import say

Own = Any  # an error of typer that is not public


def sentence(error: typer.TyperException) -> str:
    """One line about words that typer refused."""
    ctx = getattr(error, "ctx", None)
    where = ctx.command_path if ctx is not None else "sun"
    if hasattr(error, "possibilities"):
        return say("cli.bad_option", where=where, found=_option(error), near=_near(error))
    if hasattr(error, "option_name"):
        return say("cli.option_value", where=where, name=_option(error))
    if getattr(error, "param", None) is not None:
        return _about_word(error, where)
    extra = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", str(error))
    if extra:
        return say("cli.extra_words", where=where, found=extra[1])
    return say("cli.bad_line", where=where, problem=str(error))


def _about_word(error: Own, where: str) -> str:
    """One line about an argument or an option that is missing or has a value of the wrong kind."""
    from pydantic import ValidationError

    from doctorsun.core.config import problem

    param = error.param
    is_option = param.opts and param.opts[0].startswith("-")
    name = param.opts[0] if is_option else str(param.metavar or param.name).upper()
    if not error.message:
        return say("cli.missing_word", where=where, name=name)
    if isinstance(error.__cause__, ValidationError):
        first = error.__cause__.errors(include_url=False)[0]
        found = repr(first["input"])[:80]
        return say("core.bad_value", where=f"{where}: {name}", found=found, problem=problem(first))
    return say("cli.bad_word", where=where, name=name, problem=error.message)


def _option(error: Own) -> str:
    return str(error.option_name)


def _near(error: Own) -> str:
    return ", ".join(error.possibilities or ["--help"])
