"""Which samples a page shows: a few pictures of each source with all their questions, the same each time.

A row costs a hash and nothing that stays: what is kept are the chosen pictures.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from doctorsun.data.dataset import OFFICIAL, Rows

PICTURES = {"train": 120, "validation": 30, "test": 60, OFFICIAL: 20}
AT_LEAST, AT_MOST = 2, 12
MOST_ROWS = 48


@dataclass
class _Best:
    """The lots of one source with the smallest ranks."""

    number: int
    ranks: dict[str, bytes] = field(default_factory=dict)
    worst: bytes = b""

    def offer(self, lot: str, rank: bytes) -> None:
        if lot in self.ranks or (len(self.ranks) == self.number and rank >= self.worst):
            return
        self.ranks[lot] = rank
        if len(self.ranks) > self.number:
            del self.ranks[max(self.ranks, key=self.ranks.__getitem__)]
        self.worst = max(self.ranks.values())


def choose(rows: Rows, *, seed: int) -> list[tuple[int, ...]]:
    """The rows of each chosen picture (or of each chosen talk), sources taking turns."""
    best = _ranked(rows, seed)
    chosen: dict[str, list[int]] = {lot: [] for each in best.values() for lot in each.ranks}
    for at, (_, lot) in enumerate(_lots(rows)):
        if lot in chosen and len(chosen[lot]) < MOST_ROWS:
            chosen[lot].append(at)
    orders = [sorted(each.ranks, key=each.ranks.__getitem__) for _, each in sorted(best.items())]
    longest = max((len(order) for order in orders), default=0)
    turns = [order[at] for at in range(longest) for order in orders if at < len(order)]
    return [tuple(chosen[lot]) for lot in turns]


def _ranked(rows: Rows, seed: int) -> dict[str, _Best]:
    names = {name for batch in rows.batches("source") for name in batch["source"].unique().to_pylist()}
    number = min(max(PICTURES.get(rows.split, 30) // max(len(names), 1), AT_LEAST), AT_MOST)
    best = {name: _Best(number) for name in names}
    before = None
    for source, lot in _lots(rows):
        if lot != before:
            best[source].offer(lot, hashlib.sha256(f"{seed}/{lot}".encode()).digest())
            before = lot
    return best


def _lots(rows: Rows) -> Iterator[tuple[str, str]]:
    """The source of every row, and what it is shown together with: its first picture, else its question."""
    for batch in rows.batches("source", "id", "image_sha256"):
        columns = (batch[name].to_pylist() for name in ("source", "id", "image_sha256"))
        for source, name, pictures in zip(*columns, strict=True):
            yield source, f"{source}/{pictures[0] if pictures else name.rpartition('/')[0]}"
