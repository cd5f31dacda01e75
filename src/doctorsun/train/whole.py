"""What a model that is no LLaVA makes of rows: its class's own forward on padded batches of like lengths.

Shapes: B conversations, L tokens of the longest, T learnt tokens, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from doctorsun.core.errors import TrainError
from doctorsun.model.parts import Parts
from doctorsun.model.whole import join_inputs
from doctorsun.train.balance import deal
from doctorsun.train.fused import token_entropies, weighted_entropy
from doctorsun.train.packing import Ints, Piece, Row
from doctorsun.train.recipe import StageConfig
from doctorsun.train.setting import Setting

_SPARE = 1.25


@dataclass(frozen=True)
class Batch:
    """Conversations of like lengths, padded at their ends; `before_T` are places of `ids_BL`, flat."""

    pieces: list[Piece]
    ids_BL: Ints
    real_BL: Ints
    before_T: Ints


@dataclass(frozen=True)
class Padded:
    """Some rows as batches: `targets_T` are the learnt tokens, `piece_T` the number of the piece of each."""

    pieces: list[Piece]
    batches: list[Batch]
    targets_T: Ints
    piece_T: Ints


class WholeLosses:
    """The loss of every learnt token of rows, in nats; with the weights and shares that a LLaVA's have."""

    def __init__(self, parts: Parts, stage: StageConfig, setting: Setting) -> None:
        refuse(stage, setting, kind=type(parts.model).__name__)
        assert parts.whole is not None
        self.model = parts.model
        self.team = setting.team
        self._reader = parts.whole
        self._image_tokens = parts.encoder.image_tokens
        self._pad: int = parts.encoder.tokenizer.pad_token_id
        self._setting = setting

    def follow(self, steps: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """The same steps: pictures are read when they are asked for."""
        return steps

    def pack(self, rows: Sequence[Row]) -> Padded:
        """The batches of some rows; a row's bounds count for nothing here, only its conversations."""
        pieces = [piece for row in rows for piece in row.pieces]
        order = sorted(range(len(pieces)), key=lambda number: -len(pieces[number].ids))
        batches = [self._batch([pieces[number] for number in lot]) for lot in lots(pieces, order)]
        learnt = [np.flatnonzero(pieces[number].learnt) for number in order]
        return Padded(
            pieces,
            batches,
            np.concatenate([pieces[n].ids[at] for n, at in zip(order, learnt, strict=True)]).astype(np.int64),
            np.repeat(order, [len(at) for at in learnt]),
        )

    def of(self, padded: Padded) -> Tensor:
        """`losses_T`, ordered as `padded.targets_T`."""
        losses_T: Tensor = self.team.call(self._of, padded)
        return losses_T

    def weighted(self, padded: Padded, weights_T: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of `losses_T` by their weights, and `losses_T` without a gradient."""
        found: tuple[Tensor, Tensor] = self.team.call(self._weighted, padded, weights_T)
        return found

    def mine(self, step: Sequence[Row]) -> list[Row]:
        """What of a step's rows falls to this rank."""
        world = self.team.world
        return deal(step, world.size, picture_tokens=self._image_tokens)[world.rank]

    def _of(self, padded: Padded) -> Tensor:
        with self._setting.compute.autocast():
            hidden_TD, targets_T = self._learnt(padded)
            return token_entropies(self.model.lm_head, hidden_TD, targets_T)

    def _weighted(self, padded: Padded, weights_T: Tensor) -> tuple[Tensor, Tensor]:
        with self._setting.compute.autocast():
            hidden_TD, targets_T = self._learnt(padded)
            return weighted_entropy(self.model.lm_head, hidden_TD, targets_T, weights_T)

    def _learnt(self, padded: Padded) -> tuple[Tensor, Tensor]:
        """`hidden_TD` before each learnt token, and the token itself."""
        hidden_TD = torch.cat([self._hidden(batch) for batch in padded.batches])
        return hidden_TD, torch.from_numpy(padded.targets_T).to(hidden_TD.device)

    def _hidden(self, batch: Batch) -> Tensor:
        device = self._setting.compute.device
        told: dict[str, Any] = {
            "input_ids": torch.from_numpy(batch.ids_BL),
            "attention_mask": torch.from_numpy(batch.real_BL),
        }
        kinds = self._reader.kinds(batch.ids_BL.tolist())
        told |= {name: torch.tensor(rows) for name, rows in kinds.items()}
        told |= join_inputs([self._inputs(piece) for piece in batch.pieces if piece.pictures])
        told = {name: tensor.to(device) for name, tensor in told.items()}
        hidden_BLD: Tensor = self.model.model(**told, use_cache=False).last_hidden_state
        return hidden_BLD.flatten(0, 1)[torch.from_numpy(batch.before_T).to(device)]

    def _inputs(self, piece: Piece) -> dict[str, Tensor]:
        assert self._setting.originals is not None
        return self._setting.originals.inputs(piece.pictures)

    def _batch(self, pieces: list[Piece]) -> Batch:
        longest = max(len(piece.ids) for piece in pieces)
        ids_BL = np.full((len(pieces), longest), self._pad, np.int64)
        real_BL = np.zeros_like(ids_BL)
        before = []
        for row, piece in enumerate(pieces):
            ids_BL[row, : len(piece.ids)] = piece.ids
            real_BL[row, : len(piece.ids)] = 1
            before.append(np.flatnonzero(piece.learnt) - 1 + row * longest)
        return Batch(pieces, ids_BL, real_BL, np.concatenate(before))


def lots(pieces: Sequence[Piece], order: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of pieces, longest first, cut so that padding never takes more than a fifth of a batch."""
    lot: list[int] = []
    real = 0
    for number in order:
        length = len(pieces[number].ids)
        if lot and len(pieces[lot[0]].ids) * (len(lot) + 1) > _SPARE * (real + length):
            yield lot
            lot, real = [], 0
        lot.append(number)
        real += length
    if lot:
        yield lot


def refuse(stage: StageConfig, setting: Setting, *, kind: str) -> None:
    """TrainError that names what a stage asks and only a LLaVA can do."""
    asked = [name for name, on in (("augment", stage.augment.on), ("dropout", stage.dropout > 0)) if on] + (
        ["parallel.shard"] if setting.team.sharded else []
    )
    if asked:
        raise TrainError("train.llava_only", stage=stage.name or stage.kind, found=asked, kind=kind)
