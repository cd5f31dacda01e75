"""`Chat`: what the rest of Doctor Sun knows of a model. Messages and pictures in, text out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from doctorsun.core.schema import Message


@dataclass(frozen=True, slots=True)
class Request:
    """One question: `messages` end with a user turn; `images` are bytes of image files, bound in order."""

    messages: tuple[Message, ...]
    images: tuple[bytes, ...] = ()
    max_new_tokens: int = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer as it comes; `logprob` is in nats, null where the engine tells none."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    `logprobs` holds one figure a token where the engine tells them; `stopped` is false when it was cut at
    `max_new_tokens`.
    """

    text: str
    tokens: int
    stopped: bool = True
    logprobs: tuple[float, ...] | None = None
    ids: tuple[int, ...] | None = None


@runtime_checkable
class Chat(Protocol):
    """A model that answers, greedily. Whether it is a checkpoint or a server is not to be seen from here."""

    name: str

    def stream(self, request: Request) -> Iterator[Piece]:
        """The pieces of one answer, as they come."""
        ...

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The answers to many questions, in their order."""
        ...
