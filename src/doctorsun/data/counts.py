"""What was kept and what was left out, by reason, with a few examples."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 3


@dataclass
class Counts:
    """How many records (or words, or samples) of one source went which way; `words` are human ones kept.

    `drop` takes the key of a reason (a line of `text/`, room.name) and the id of what was left out; the first
    few ids are kept as examples. `note` counts what was changed or is worth knowing, and nothing was lost.
    """

    kept: int = 0
    words: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, number: int = 1, *, words: int = 0) -> None:
        """Count what is used, and how many human words are with it."""
        self.kept += number
        self.words += words

    def drop(self, reason: str, example: str) -> None:
        """Count one thing left out, by reason."""
        self.dropped[reason] += 1
        self._example(reason, example)

    def note(self, what: str, example: str = "") -> None:
        """Count one thing worth knowing that lost nothing."""
        self.noted[what] += 1
        if example:
            self._example(what, example)

    def add(self, other: "Counts") -> None:
        """Add the counts of another part, in the order of the parts."""
        self.kept += other.kept
        self.words += other.words
        self.dropped.update(other.dropped)
        self.noted.update(other.noted)
        for reason, ids in other.examples.items():
            for example in ids:
                self._example(reason, example)

    def to_json(self) -> dict[str, Any]:
        """Plain values in a fixed order."""
        return {
            "kept": self.kept,
            "words": self.words,
            "dropped": dict(sorted(self.dropped.items())),
            "noted": dict(sorted(self.noted.items())),
            "examples": {reason: ids for reason, ids in sorted(self.examples.items())},
        }

    @staticmethod
    def from_json(tree: Mapping[str, Any]) -> "Counts":
        """The counts that `to_json` wrote."""
        return Counts(
            kept=tree["kept"],
            words=tree["words"],
            dropped=Counter(tree["dropped"]),
            noted=Counter(tree["noted"]),
            examples={reason: list(ids) for reason, ids in tree["examples"].items()},
        )

    def _example(self, reason: str, example: str) -> None:
        ids, example = self.examples.setdefault(reason, []), sayable(example)
        if len(ids) < EXAMPLES and example not in ids:
            ids.append(example)


def sayable(text: str) -> str:
    """The text with an escape for what UTF-8 has not, such as a file's name in another encoding."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
