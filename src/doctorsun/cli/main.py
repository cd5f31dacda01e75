"""`sun`: exit code 0 when done, 2 when the user can fix it, 1 when it is a bug, 143 stopped by the system."""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from doctorsun import __version__
from doctorsun.cli.commands import Sun
from doctorsun.cli.mistakes import sentence
from doctorsun.cli.progress import shown_progress
from doctorsun.cli.switches import Switches, locale_language, stay_offline, take_switches
from doctorsun.core.errors import DoctorSunError
from doctorsun.core.files import storage_errors
from doctorsun.core.strings import say, use_language

DONE, BUG, CAN_FIX, STOPPED = 0, 1, 2, 130

app = typer.Typer(cls=Sun, add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True, help="cli.about")
def sun(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="cli.option_version")] = False,
) -> None:
    """Show the version or, without a verb, the help."""
    if version:
        typer.echo(f"doctorsun {__version__}")
    elif ctx.invoked_subcommand is None:
        ctx.get_help()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code. A bug keeps its traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of another encoding
    use_language(locale_language(os.environ))
    switches = Switches("en")
    try:
        switches, left = take_switches(words, os.environ)
        use_language(switches.ui)
        stay_offline(os.environ, online=switches.online)
        return _run(left)
    except DoctorSunError as error:
        if switches.debug:
            traceback.print_exc()
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        complain(say("cli.stopped"))
        return STOPPED


def complain(words: str) -> None:
    """Write a sentence to standard error, with the table that may follow it."""
    sys.stderr.write(words.strip() + "\n")


def _run(words: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with shown_progress():
            code = command.main(list(words), prog_name="sun", standalone_mode=False)
    except typer.TyperException as error:
        complain(sentence(error))
        return CAN_FIX
    except OSError as error:
        with storage_errors(Path(error.filename or Path.cwd())):
            raise
    if code == STOPPED:
        complain(say("cli.stopped"))
    return code if isinstance(code, int) else DONE
