"""`sun chat MODEL`: a conversation at the prompt; /image F, /prior F, /reset, /quit."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.conversation import Conversation, open_chat, open_server
from doctorsun.cli.places import model_folder
from doctorsun.cli.screen import line, on_terminal, put_json, show
from doctorsun.cli.studies import pictures_at
from doctorsun.core.errors import DoctorSunError
from doctorsun.engines.address import is_url

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_chat")
def chat(
    model: Annotated[str, typer.Argument(help="cli.word_model")],
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="cli.option_max_tokens")
    ] = 128,
    remote: Annotated[bool, typer.Option("--remote", help="cli.option_remote")] = False,
) -> None:
    """Talk with a model until /quit or the end of the input."""
    opened = open_server(model, remote=remote) if is_url(model) else open_chat(model_folder(model))
    talk = Conversation(opened, max_new_tokens=max_tokens)
    line("cli.chat_start", model=talk.chat.name)
    line("cli.draft_note")
    while True:
        try:
            words = input("> " if on_terminal() and sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if words == "/quit":
            return
        if words:
            _turn(talk, words)


def _turn(talk: Conversation, words: str) -> None:
    """One line of the user's: a command or a question. What the user can fix does not end the talk."""
    try:
        if words == "/reset":
            talk.reset()
            line("cli.chat_reset")
        elif words.startswith(("/image ", "/prior ")):
            command, _, path = words.partition(" ")
            path = path.strip().strip("'\"")
            study: Literal["prior"] | None = "prior" if command == "/prior" else None
            for one in pictures_at(Path(path).expanduser(), study=study):
                talk.add_picture(one.content, one.shown)
            line("cli.chat_image", where=path)
        elif words.startswith("/"):
            line("cli.chat_commands", found=words)
        else:
            _answer(talk, words)
    except DoctorSunError as error:
        sys.stderr.write(f"{error}\n")


def _answer(talk: Conversation, question: str) -> None:
    if not on_terminal():
        put_json({"event": "answer", "question": question, "answer": "".join(talk.ask(question))})
        return
    show(talk.ask(question))
