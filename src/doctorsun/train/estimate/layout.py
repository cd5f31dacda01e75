"""What one step reads: rows of the data set where it is there, else rows as a recipe fills them.

Where there are no data, a picture is taken to have `QUESTIONS` questions of `WORDS` tokens each, `LEARNT` of
them learnt, and a text without a picture to have `TALK` tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from doctorsun.train.estimate.flops import Load
from doctorsun.train.packing import Group, Piece, Row
from doctorsun.train.recipe import StageConfig

Maker = Callable[[StageConfig, int, str, int], Group | None]
QUESTIONS, WORDS, LEARNT, TALK = 2, 64, 32, 256


@dataclass(frozen=True)
class Layout:
    """A step: its rows, or for `medical-vision` its pictures; `steps` of them make up the stage if known."""

    rows: Sequence[Row]
    pictures: int = 0
    steps: int | None = None

    @property
    def load(self) -> Load:
        """What the step asks of the devices together."""
        if self.pictures:
            return Load(0, self.pictures)
        groups = [group for row in self.rows for group in row.groups]
        pieces = [piece for group in groups for piece in group.pieces]
        return Load(
            tokens=sum(row.tokens for row in self.rows),
            pictures=sum(len(group.pieces[0].pictures) for group in groups),
            learnt=sum(int(piece.learnt.sum()) for piece in pieces),
            pairs=sum(_pairs(group) for group in groups),
        )

    @property
    def samples(self) -> int:
        """How many samples a step holds."""
        return self.pictures or sum(len(row.pieces) for row in self.rows)

    def one_pass(self, stage: StageConfig, devices: int) -> tuple[Sequence[Row], int]:
        """The rows that one device takes at a time, and in how many passes it takes its share."""
        own = -(-len(self.rows) // devices)
        chosen = sorted(self.rows, key=lambda row: -row.tokens)[: min(own, stage.micro_rows)]
        return chosen, max(1, -(-own // stage.micro_rows))


def assumed(stage: StageConfig, *, image_tokens: int, samples: int | None = None) -> Layout:
    """A step as the recipe fills it; `samples` of the data set, if known, tell the steps of an epoch."""
    if stage.kind == "medical-vision":
        return Layout((), stage.pictures, _steps(stage, stage.pictures, samples))
    make = _talk if stage.kind == "medical-llm" else _asked
    rows = [_row(stage, make, image_tokens, number) for number in range(stage.rows)]
    held = sum(len(row.pieces) for row in rows)
    return Layout(rows, 0, _steps(stage, held, samples))


def _steps(stage: StageConfig, held: int, samples: int | None) -> int | None:
    if stage.steps is not None:
        return stage.steps
    return None if samples is None or stage.epochs is None else round(stage.epochs * samples / held) or 1


def _row(stage: StageConfig, make: Maker, image_tokens: int, number: int) -> Row:
    row = Row()
    while True:
        name = f"{number}/{len(row.groups)}"
        group = make(stage, image_tokens, name, stage.row_tokens - row.tokens)
        if group is None:
            return row
        row.groups.append(group)


def _asked(stage: StageConfig, image_tokens: int, name: str, room: int) -> Group | None:
    """A picture with its questions, as many as there is room for; null if there is none."""
    count = min(QUESTIONS, stage.share, (room - image_tokens) // WORDS)
    if count < 1:
        return None if room < stage.row_tokens else Group([_piece(stage, image_tokens, name, WORDS)])
    return Group([_piece(stage, image_tokens, name, WORDS) for _ in range(count)])


def _talk(stage: StageConfig, _: int, name: str, room: int) -> Group | None:
    length = min(TALK, room)
    return Group([_piece(stage, 0, name, length)]) if length >= WORDS or room == stage.row_tokens else None


def _piece(stage: StageConfig, image_tokens: int, name: str, words: int) -> Piece:
    length = image_tokens + words
    learnt = np.zeros(length, bool)
    learnt[length - (words if stage.supervise == "all" else min(words, LEARNT * words // WORDS)) :] = True
    pictures, starts = ((name,), (0,)) if image_tokens else ((), ())
    return Piece(name, np.zeros(length, np.int32), learnt, pictures, starts, image_tokens)


def _pairs(group: Group) -> float:
    """How many tokens all tokens of a group see, added up."""
    prefix = group.pieces[0].prefix
    tails = sum(piece.tail * prefix + piece.tail**2 / 2 for piece in group.pieces)
    return prefix**2 / 2 + tails
