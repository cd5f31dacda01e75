"""One step -> a share for each process. Which samples make up a step never depends on how many share it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from doctorsun.train.packing import Group, Row

T = TypeVar("T")


def deal(step: Sequence[Row], ranks: int, *, picture_tokens: int = 0) -> list[list[Row]]:
    """The rows of each of `ranks` processes, about equally costly; equal inputs give equal shares.

    Every process gets the same number of rows, so that all make as many passes; a row is empty where there
    are fewer groups than rows. A group costs its tokens, and `picture_tokens` for each picture that an
    encoder reads. One process keeps the step as it is.
    """
    if ranks == 1:
        return [list(step)]
    groups = [group for row in step for group in row.groups]
    rows = -(-len(step) // ranks)
    shares = _spread(groups, ranks, cost=lambda group: _cost(group, picture_tokens))
    return [[Row(lot) for lot in _spread(share, rows, cost=lambda group: group.tokens)] for share in shares]


def _cost(group: Group, picture_tokens: int) -> int:
    return group.tokens + picture_tokens * len(group.pieces[0].pictures)


def _spread(items: Sequence[T], lots: int, *, cost: Callable[[T], int]) -> list[list[T]]:
    """The items in `lots` lots of about equal cost, each in the order given.

    The costliest first, each into the lot that is cheapest so far: at most 4/3 of the best (Graham, 1969).
    """
    total = [0] * lots
    chosen: list[list[int]] = [[] for _ in range(lots)]
    for number in sorted(range(len(items)), key=lambda number: (-cost(items[number]), number)):
        lot = min(range(lots), key=lambda lot: (total[lot], len(chosen[lot]), lot))
        total[lot] += cost(items[number])
        chosen[lot].append(number)
    return [[items[number] for number in sorted(numbers)] for numbers in chosen]
