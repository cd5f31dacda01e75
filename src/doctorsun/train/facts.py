"""What is known of each picture as classes, and a softmax head for each question about them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from doctorsun.core.schema import Fact
from doctorsun.train.corpus import Entry

MOST_CLASSES = 32


@dataclass(frozen=True)
class Known:
    """`classes` of each key, `weights` that make them count alike, and the class of each picture by key."""

    classes: dict[str, list[str]]
    weights: dict[str, list[float]]
    of: dict[str, dict[str, int]]


def known_facts(entries: Sequence[Entry], rows: Mapping[str, Sequence[int]], *, seen: Sequence[str]) -> Known:
    """The keys with 2 to `MOST_CLASSES` classes; the weights balance the pictures as `seen` shows them.

    A picture about which a source says two different things under one key is left out of that key.
    """
    said = {
        picture: _told(pair for at in places for pair in _pairs(entries[at]))
        for picture, places in rows.items()
    }
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in seen:
        for key, value in said[picture].items():
            counts[key][value] += 1
    usable = {key: count for key, count in sorted(counts.items()) if 2 <= len(count) <= MOST_CLASSES}
    classes = {key: sorted(count) for key, count in usable.items()}
    weights = {
        key: [usable[key].total() / (len(values) * usable[key][value]) for value in values]
        for key, values in classes.items()
    }
    of = {
        picture: {
            key: classes[key].index(value)
            for key, value in told.items()
            if key in classes and value in classes[key]
        }
        for picture, told in said.items()
    }
    return Known(classes, weights, of)


class FactsHead(nn.Module):
    """A softmax for each key on the mean of the patches; the loss is the mean over what is known."""

    def __init__(self, known: Known, *, width: int, smoothing: float = 0.0) -> None:
        super().__init__()
        self._known = known
        self._smoothing = smoothing
        self._keys = sorted(known.classes)
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleList(nn.Linear(width, len(known.classes[key])) for key in self._keys)
        self._weights = [torch.tensor(known.weights[key]) for key in self._keys]

    def forward(self, features_BND: Tensor, step: Sequence[tuple[str, int, int]], **_: Any) -> Tensor:  # noqa: ANN401
        """The loss of a batch of pictures."""
        pooled_BD = self.norm(features_BND.mean(dim=1))
        total, count = pooled_BD.sum() * 0.0, 0
        for key, head, weights in zip(self._keys, self.heads, self._weights, strict=True):
            at = [place for place, (name, _, _) in enumerate(step) if key in self._known.of[name]]
            if at:
                targets = [self._known.of[step[place][0]][key] for place in at]
                logits = head(pooled_BD[torch.tensor(at, device=pooled_BD.device)]).float()
                classes = torch.tensor(targets, device=logits.device)
                losses = functional.cross_entropy(
                    logits, classes, reduction="none", label_smoothing=self._smoothing
                )
                total = total + (losses * weights.to(logits.device)[classes]).sum()
                count += len(at)
        loss: Tensor = total / max(1, count)
        return loss


def _pairs(entry: Entry) -> Iterator[tuple[str, str]]:
    """What a sample says of its picture as (key, class); of several pictures nothing is said."""
    if len(entry.pictures) != 1:
        return
    for fact in entry.facts:
        yield from _of_fact(f"{entry.source}/{fact.name}", fact)


def _of_fact(key: str, fact: Fact) -> Iterator[tuple[str, str]]:
    if fact.value is None and fact.status in {"present", "absent"}:
        yield key, fact.status or ""
    if fact.status in {"absent", "uncertain"}:
        return
    for field, value in (("value", fact.value), ("side", fact.laterality), ("severity", fact.severity)):
        if value is not None:
            yield f"{key}/{field}", value


def _told(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        values[key].add(value)
    return {key: next(iter(found)) for key, found in values.items() if len(found) == 1}
