"""What has been found in a text so far: an earlier find can not be touched by a later one."""

from collections.abc import Iterable
from dataclasses import dataclass

MASK = "\ue000"


@dataclass(frozen=True, slots=True)
class Hit:
    """A find in a folded text. `put` is its replacement where the kind does not say it."""

    start: int
    end: int
    kind: str
    put: str | None = None


class Board:
    """A text whose finds are covered by a mask, so that the next recogniser can not see them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.hits: list[Hit] = []

    def take(self, hits: Iterable[Hit]) -> None:
        """Keep the finds that overlap no other (the earliest, then the longest), and cover them."""
        parts: list[str] = []
        at = 0
        for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
            if hit.start < at or hit.end <= hit.start or MASK in self.text[hit.start : hit.end]:
                continue
            self.hits.append(hit)
            parts += [self.text[at : hit.start], MASK * (hit.end - hit.start)]
            at = hit.end
        self.text = "".join(parts) + self.text[at:]
