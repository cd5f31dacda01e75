"""Which split a group belongs to: a function of seed, source and group, so it stays when sources grow."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.schema import SPLITS
from doctorsun.data.config import SplitConfig
from doctorsun.data.keys import Keys, Numbers, components

TRAIN, VALIDATION, TEST = range(len(SPLITS))
Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Members:
    """Records as far as splitting goes, n of them.

    `groups` [n] are hashed groups, `official` [n] places in SPLITS or -1; member `twin_of[i]` has the twin
    `twins[i]`, which nothing of another split may have; `pairs` [p, 2] are members that must go together.
    """

    groups: Keys
    official: Codes
    twin_of: Numbers
    twins: Keys
    pairs: Numbers


def hashed_group(seed: int, source: str, group: str) -> str:
    """The group as samples carry it: a hash that tells no patient and differs from seed to seed."""
    key = hashlib.sha256(f"doctorsun/{seed}".encode()).digest()
    return hashlib.blake2b(f"{source}\0{group}".encode(), key=key, digest_size=16).hexdigest()


def own_splits(groups: Keys, config: SplitConfig) -> Codes:
    """The split of each hashed group by its hash alone, as a place in SPLITS."""
    words = np.frombuffer(groups.tobytes(), ">u8").reshape(-1, 2)
    place = words[:, 0].astype(np.uint64) / 2**64
    held_out = place < config.test + config.validation
    return np.where(place < config.test, TEST, np.where(held_out, VALIDATION, TRAIN)).astype(np.int8)


def assign(members: Members, config: SplitConfig) -> tuple[Codes, Keys]:
    """The split of every member, as a place in SPLITS, and the group that its twins are joined in.

    Groups that share a twin (the pixels of a picture, the words of a question) or a pair are one group, which
    goes where its most held-out part goes: nothing held out moves into training when a source is added, nor
    what a benchmark calls test when a recipe forces another split. It is named by its least group.
    """
    groups, of_member = np.unique(members.groups, return_inverse=True)
    twins, of_twin = np.unique(members.twins, return_inverse=True)
    one = np.concatenate([of_member[members.twin_of], of_member[members.pairs[:, 0]]])
    two = np.concatenate([len(groups) + of_twin, of_member[members.pairs[:, 1]]])
    root = components(one, two, len(groups) + len(twins))[of_member]
    named = np.maximum(members.official, TRAIN)
    own = np.full(len(named), SPLITS.index(config.force)) if config.force else _own(members, named, config)
    held = np.full(len(groups), TRAIN, np.int8)
    np.maximum.at(held, root, np.maximum(named, own).astype(np.int8))
    return held[root], groups[root]


def _own(members: Members, named: Codes, config: SplitConfig) -> Codes:
    return np.where(named == TRAIN, own_splits(members.groups, config), named)
