"""`sun doctor`: what works on this machine, and the line that mends what does not."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.checks import Check, all_checks
from doctorsun.cli.commands import Verb
from doctorsun.cli.screen import line, on_terminal, put_json
from doctorsun.core.strings import say

app = typer.Typer(add_completion=False, rich_markup_mode=None)
CAN_FIX = 2


@app.command(cls=Verb, help="cli.verb_doctor")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="cli.option_json")] = False,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="cli.option_data_root")] = None,
) -> None:
    """Show every check; exit code 2 when one fails."""
    checks = []
    for check in all_checks(data):
        checks.append(check)
        show(check, as_json=as_json)
    failed = sum(check.level == "FAIL" for check in checks)
    warned = sum(check.level == "WARN" for check in checks)
    if not as_json and on_terminal():
        line("cli.doctor_end", failed=failed, warned=warned)
    if failed:
        raise typer.Exit(CAN_FIX)


def show(check: Check, *, as_json: bool) -> None:
    """Print one check in a line, and below it what mends it."""
    if as_json or not on_terminal():
        put_json(asdict(check))
        return
    typer.echo(f"{check.level:<5} {check.name:<34} {check.found}")
    if check.mend:
        typer.echo(f"      -> {say('cli.mend', mend=check.mend)}")
