"""Which split a group belongs to: a function of seed, source and group, so it stays when sources grow."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from doctorsun.core.schema import SPLITS, Split
from doctorsun.data.config import SplitConfig


@dataclass(frozen=True, slots=True)
class Member:
    """One record as far as splitting goes: its hashed group, what it shares with twins, its own split."""

    group: str
    twins: tuple[str, ...]
    official: Split | None


def hashed_group(seed: int, source: str, group: str) -> str:
    """The group as samples carry it: a hash that tells no patient and differs from seed to seed."""
    key = hashlib.sha256(f"doctorsun/{seed}".encode()).digest()
    return hashlib.blake2b(f"{source}\0{group}".encode(), key=key, digest_size=16).hexdigest()


def own_split(group: str, config: SplitConfig) -> Split:
    """The split of a hashed group by its hash alone."""
    place = int(group[:16], 16) / 2**64
    if place < config.test:
        return "test"
    return "validation" if place < config.test + config.validation else "train"


def assign(members: Iterable[Member], config: SplitConfig) -> tuple[dict[str, Split], dict[str, str]]:
    """The split of every group, and the group that twins are joined in.

    Groups that share a twin (the pixels of a picture, the words of a question) are one group, which goes
    where its most held-out part goes: nothing held out moves into training when a source is added, nor what a
    benchmark calls test when a recipe forces another split.
    """
    listed = list(members)
    joined = _join(listed)
    splits: dict[str, Split] = {}
    for member in listed:
        named: Split = member.official or "train"
        own = config.force or (own_split(member.group, config) if named == "train" else named)
        root = joined[member.group]
        splits[root] = max(splits.get(root, "train"), named, own, key=SPLITS.index)
    return {group: splits[root] for group, root in joined.items()}, joined


def _join(members: Sequence[Member]) -> dict[str, str]:
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for member in members:
        own = root(member.group)
        for twin in member.twins:
            low, high = sorted((own, root(twin)))
            parent[high] = low
            own = low
    groups = sorted({member.group for member in members})
    named: dict[str, str] = {}
    for group in groups:
        named.setdefault(root(group), group)
    return {group: named[root(group)] for group in groups}
