"""What each step reads, a function of (seed, epoch): the mixture's order, cut into groups, rows and steps."""

from collections.abc import Iterator, Sequence
from itertools import count, islice

from doctorsun.core.errors import TrainError
from doctorsun.data.dataset import Meta
from doctorsun.data.mix import order
from doctorsun.train.corpus import Pieces
from doctorsun.train.draws import seed_of
from doctorsun.train.packing import Group, Row, fill_steps, group_pieces
from doctorsun.train.recipe import AugmentConfig, StageConfig


def epochs_of(metas: Sequence[Meta], stage: StageConfig, *, seed: int) -> Iterator[tuple[int, list[int]]]:
    """The number and the rows of each epoch: without end, or as many as the stage says."""
    left = stage.epochs if stage.epochs is not None else float("inf")
    for epoch in count():
        if left <= 0:
            return
        rows = order(metas, stage.mixture, seed=seed, epoch=epoch)
        if not rows:
            raise TrainError("train.no_samples", stage=stage.name or stage.kind)
        yield epoch, rows[: max(1, round(len(rows) * left))] if left < 1 else rows
        left -= 1


def row_steps(metas: Sequence[Meta], pieces: Pieces, stage: StageConfig, *, seed: int) -> Iterator[list[Row]]:
    """The rows of each step; an epoch's end does not end a step."""
    return fill_steps(_groups(metas, pieces, stage, seed=seed), rows=stage.rows, row_tokens=stage.row_tokens)


def count_steps(steps: Iterator[object], stage: StageConfig) -> int:
    """The number of steps of a stage."""
    return stage.steps if stage.steps is not None else sum(1 for _ in steps)


def picture_steps(
    rows: dict[str, list[int]], metas: Sequence[Meta], stage: StageConfig, *, seed: int
) -> Iterator[list[tuple[str, int, int]]]:
    """The pictures of each step of `medical-vision`: their name, view, and a draw for what else is chosen.

    `rows` are the samples of each picture. A picture comes as often in an epoch as its samples make up the
    mixture, on the mean once: the mixture's order is thinned to one in so many.
    """
    return _batches(_pictures(rows, metas, stage, seed=seed), stage.pictures)


def view_of(augment: AugmentConfig, *, frozen: bool, draw: int) -> int:
    """The variant of a picture: 0 is unchanged; a frozen encoder sees `augment.views` variants."""
    if not augment.on:
        return 0
    return 1 + draw % (augment.views if frozen else 2**31)


def gather(rows: Sequence[int], metas: Sequence[Meta], *, share: int) -> list[list[int]]:
    """The rows with those of one picture together, at most `share`, each lot where its first row stood."""
    lots: list[list[int]] = []
    growing: dict[str, list[int]] = {}
    for row in rows:
        picture = metas[row].picture
        lot = growing.get(picture) if picture else None
        if lot is not None and len(lot) < share:
            lot.append(row)
            continue
        lots.append([row])
        if picture:
            growing[picture] = lots[-1]
    return lots


def _groups(metas: Sequence[Meta], pieces: Pieces, stage: StageConfig, *, seed: int) -> Iterator[Group]:
    frozen = stage.vision.mode == "frozen"
    for epoch, rows in epochs_of(metas, stage, seed=seed):
        for number, lot in enumerate(gather(rows, metas, share=stage.share)):
            view = view_of(stage.augment, frozen=frozen, draw=seed_of(seed, epoch, number))
            for group in group_pieces([pieces[row] for row in lot], room=stage.row_tokens):
                group.view = view
                yield group


def _pictures(
    rows: dict[str, list[int]], metas: Sequence[Meta], stage: StageConfig, *, seed: int
) -> Iterator[tuple[str, int, int]]:
    for epoch, chosen in epochs_of(metas, stage, seed=seed):
        with_picture = [row for row in chosen if metas[row].picture in rows]
        if not with_picture:
            raise TrainError("train.no_pictures", stage=stage.name or stage.kind)
        every = max(1, round(len(with_picture) / len({metas[row].picture for row in with_picture})))
        for number, row in enumerate(islice(with_picture, epoch % every, None, every)):
            draw = seed_of(seed, epoch, number)
            name = metas[row].picture
            assert name is not None
            yield name, view_of(stage.augment, frozen=False, draw=draw), draw


def _batches(pictures: Iterator[tuple[str, int, int]], size: int) -> Iterator[list[tuple[str, int, int]]]:
    while batch := list(islice(pictures, size)):
        yield batch
