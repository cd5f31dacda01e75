"""How verbs are found, explained and refused, in the user's language; a verb is imported when it is used."""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near
from doctorsun.core.strings import say

VERBS = ("quickstart", "doctor", "study", "data", "train", "plan", "runs", "eval", "model", "ask", "chat")
Entry = tuple[str, str]
Own = Any  # a class of typer that is not public


class Verb(TyperCommand):
    """A command whose help is a key of `text/`."""

    def format_help(self, ctx: Own, formatter: object) -> None:
        """Show what the verb does, its arguments and its options."""
        show_help(ctx, self)


class VerbGroup(TyperGroup):
    """A verb with verbs of its own, such as `sun data`."""

    def format_help(self, ctx: Own, formatter: object) -> None:
        """Show what the verbs of the group do."""
        entries = [(name, say(self.commands[name].help or "")) for name in self.list_commands(ctx)]
        show_help(ctx, self, entries)

    def resolve_command(self, ctx: Own, args: list[str]) -> Own:
        """The command of the first word; ConfigError names the near one."""
        if args[0] not in self.list_commands(ctx):
            known = self.list_commands(ctx)
            where = ctx.command_path
            raise ConfigError("cli.unknown_verb", where=where, found=args[0], near=near(args[0], known))
        return super().resolve_command(ctx, args)


class Sun(VerbGroup):
    """The command itself; help imports no verb."""

    def list_commands(self, ctx: Own) -> list[str]:
        """The verbs, in the order of a first day."""
        return list(VERBS)

    def get_command(self, ctx: Own, cmd_name: str) -> Own:
        """The verb's command, from `cli/verbs/NAME.py`."""
        if cmd_name not in VERBS:
            return None
        command = typer.main.get_command(import_module(f"doctorsun.cli.verbs.{cmd_name}").app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Own, formatter: object) -> None:
        """Show every verb in a line."""
        show_help(ctx, self, [(name, say(f"cli.verb_{name}")) for name in VERBS])


def show_help(ctx: Own, command: TyperCommand | TyperGroup, entries: Iterable[Entry] = ()) -> None:
    """Print the help of a command in the user's language; it wraps Chinese by its true width."""
    console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=False)
    pieces = " ".join(_usage(param) for param in command.params if isinstance(param, TyperArgument))
    options = [param for param in command.params if isinstance(param, TyperOption)]
    tail = f"{say('cli.verb_piece')} …" if entries else pieces
    console.print(say("cli.usage", command=f"{ctx.command_path} {say('cli.options_piece')} {tail}".rstrip()))
    console.print(f"\n{say(command.help or 'cli.about')}")
    arguments = [(_usage(p), say(p.help or "")) for p in command.params if isinstance(p, TyperArgument)]
    _section(console, "cli.arguments", arguments)
    _section(console, "cli.verbs", entries)
    rows = [(", ".join(param.opts) + _metavar(param), say(param.help)) for param in options if param.help]
    _section(console, "cli.options", [*rows, ("--help", say("cli.option_help"))])
    console.print(f"\n{say('cli.everywhere')}")


def _section(console: Console, title: str, entries: Iterable[Entry]) -> None:
    rows = list(entries)
    if not rows:
        return
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(f"  {name}", text)
    console.print(f"\n{say(title)}")
    console.print(grid)


def _usage(param: Own) -> str:
    name = str(param.metavar or param.name).upper()
    name += "…" if param.nargs != 1 else ""
    return name if param.required else f"[{name}]"


def _metavar(param: Own) -> str:
    if param.is_flag:
        return ""
    default = "" if param.default in (None, ()) else f"={param.default}"
    return f" {param.metavar or str(param.name).upper()}{default}"
