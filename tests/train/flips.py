"""Turns one bit of a checkpoint over and asks which checkpoint is taken then."""

import random
from pathlib import Path

from doctorsun.train.checkpoint import newest_checkpoint


def flip(file: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    with file.open("r+b") as opened:
        opened.seek(bit // 8)
        (byte,) = opened.read(1)
        opened.seek(bit // 8)
        opened.write(bytes([byte ^ 1 << bit % 8]))


def taken(stage: Path) -> int | None:
    """The step of the checkpoint that a run would go on from."""
    found = newest_checkpoint(stage)
    return None if found is None else int(found.state["step"])


def unseen(
    stage: Path, *, newest: int, before: int, count: int, draw: random.Random
) -> list[tuple[str, int]]:
    """The flips, of `count` in the newest checkpoint, after which not the one before it was taken."""
    files = sorted(path for path in (stage / f"checkpoint-{newest}").iterdir())
    wrong = []
    for number in range(count):
        file = files[number % len(files)]
        bit = draw.randrange(8 * file.stat().st_size)
        flip(file, bit)
        if taken(stage) != before:
            wrong.append((file.name, bit))
        flip(file, bit)
        assert taken(stage) == newest, "the flip is undone"
    return wrong
