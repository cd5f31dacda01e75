"""How a row of a conversation is laid out: which of its keys hold what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from doctorsun.core.schema import Role

ROLES: dict[str, Role] = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "bot", "model"), "assistant"),
    "system": "system",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which keys of a row hold its turns and images, and what a turn is made of; the first present counts.

    `chosen` and `rejected` are those of a better and a worse answer.
    """

    messages: tuple[str, ...] = ("conversations", "messages", "conversation")
    images: tuple[str, ...] = ("images", "image")
    system: str = "system"
    role: tuple[str, ...] = ("from", "role")
    content: tuple[str, ...] = ("value", "content")
    roles: Mapping[str, Role] = field(default_factory=lambda: ROLES)
    chosen: tuple[str, ...] = ("chosen",)
    rejected: tuple[str, ...] = ("rejected", "rejected_response", "rejected_messages")

    def role_of(self, turn: Mapping[str, Any]) -> Role | None:
        """Who says a turn; null where that is not known."""
        said = first_of(turn, self.role)
        return self.roles.get(said.strip().lower()) if isinstance(said, str) else None


def first_of(row: Mapping[str, Any], names: Iterable[str]) -> object:
    """The first of these keys that holds something."""
    return next((row[name] for name in names if row.get(name) is not None), None)
