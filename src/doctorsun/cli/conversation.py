"""A conversation with a model: pictures wait for the next question and stay in the history."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from doctorsun.cli.places import run_of
from doctorsun.core.chat import Chat, Request
from doctorsun.core.schema import Message, Part, Shown


def open_chat(folder: Path) -> Chat:
    """The model of a folder, on this machine, under the name of its run."""
    from doctorsun.engines.open import chat_with

    return chat_with(folder, name=run_of(folder).name)


def open_server(url: str, *, remote: bool) -> Chat:
    """The model of a server; its key is the environment variable SUN_API_KEY."""
    from doctorsun.engines.http import HttpSettings
    from doctorsun.engines.open import open_any

    return open_any(url, http=HttpSettings(remote=remote), key=os.environ.get("SUN_API_KEY"))


class Conversation:
    """The turns so far, and the pictures that go with the next question."""

    def __init__(self, chat: Chat, *, max_new_tokens: int) -> None:
        self.chat = chat
        self.max_new_tokens = max_new_tokens
        self.reset()

    def reset(self) -> None:
        """Forget every turn and every picture."""
        self._messages: list[Message] = []
        self._pictures: list[bytes] = []
        self._waiting: list[Shown] = []

    def add_picture(self, content: bytes, shown: Shown | None = None) -> None:
        """Show a picture with the next question; `shown` says which of several it is."""
        self._pictures.append(content)
        self._waiting.append(shown or Shown())

    def ask(self, question: str) -> Iterator[str]:
        """The pieces of the answer as they come; the turn counts once the answer is whole."""
        turn = Message("user", (*self._places(question), Part("text", question)))
        request = Request(
            messages=(*self._messages, turn),
            images=tuple(self._pictures),
            max_new_tokens=self.max_new_tokens,
        )
        answer = ""
        for piece in self.chat.stream(request):
            answer += piece.text
            yield piece.text
        self._messages += [turn, Message("assistant", (Part("text", answer),))]
        self._waiting = []

    def _places(self, question: str) -> tuple[Part, ...]:
        """The places of the waiting pictures, named in the language of the question as in training.

        Beside pictures of an earlier study, those of no named one are of the current study.
        """
        from doctorsun.data.formats.conversations import lang_of
        from doctorsun.language.shown import picture_parts

        waiting = self._waiting
        if any(one.study == "prior" for one in waiting):
            waiting = [one if one.study else replace(one, study="current") for one in waiting]
        named = waiting if any(one != Shown() for one in waiting) else ()
        return picture_parts(len(waiting), named, lang_of(question))
