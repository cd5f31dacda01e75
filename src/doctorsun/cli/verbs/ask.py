"""`sun ask MODEL "question" --image F`: one answer, as it comes."""

from pathlib import Path
from typing import Annotated

import typer

from doctorsun.cli.commands import Verb
from doctorsun.cli.conversation import Conversation, open_chat, open_server
from doctorsun.cli.places import model_folder
from doctorsun.cli.progress import settle
from doctorsun.cli.screen import line, on_terminal, put_json, show
from doctorsun.cli.studies import SLICES, pictures_at
from doctorsun.core.errors import ConfigError
from doctorsun.engines.address import is_url

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Verb, help="cli.verb_ask")
def ask(
    model: Annotated[str, typer.Argument(help="cli.word_model")],
    question: Annotated[str, typer.Argument(help="cli.word_question")],
    *,
    image: Annotated[
        list[Path] | None, typer.Option("--image", metavar="FILE", help="cli.option_image")
    ] = None,
    prior: Annotated[
        list[Path] | None, typer.Option("--prior", metavar="FILE", help="cli.option_prior")
    ] = None,
    slices: Annotated[int, typer.Option("--slices", metavar="N", min=1, help="cli.option_slices")] = SLICES,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="cli.option_max_tokens")
    ] = 128,
    remote: Annotated[bool, typer.Option("--remote", help="cli.option_remote")] = False,
) -> None:
    """Answer one question about zero or more pictures, slices of a volume, or two studies."""
    if not question.strip():
        raise ConfigError("cli.missing_word", where="sun ask", name="QUESTION")
    folder = None if is_url(model) else model_folder(model)
    pictures = [one for path in prior or [] for one in pictures_at(path, slices=slices, study="prior")]
    pictures += [one for path in image or [] for one in pictures_at(path, slices=slices)]
    opened = open_chat(folder) if folder else open_server(model, remote=remote)
    talk = Conversation(opened, max_new_tokens=max_tokens)
    for one in pictures:
        talk.add_picture(one.content, one.shown)
    pieces = talk.ask(question)
    settle()
    if on_terminal():
        show(pieces)
        line("cli.draft_note")
    else:
        put_json(
            {
                "event": "answer",
                "model": str(folder or model),
                "question": question,
                "answer": "".join(pieces),
            }
        )
