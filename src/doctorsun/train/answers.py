"""The objective of `medical-llm`, `align` and `instruct`: the next token of packed conversations.

Shapes: P pictures, N tokens of a picture, D width, T learnt tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from doctorsun.model.parts import Parts
from doctorsun.model.tuning import Group
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.device import Compute
from doctorsun.train.features import FeatureCache
from doctorsun.train.forward import read_pictures, token_losses
from doctorsun.train.loop import Outcome
from doctorsun.train.packing import Packed, Row, pack
from doctorsun.train.recipe import AugmentConfig, StageConfig
from doctorsun.train.schedule import count_steps, row_steps
from doctorsun.train.views import PictureStore, View


@dataclass(frozen=True)
class Setting:
    """What the objective of a stage works with; `cache` is null unless the encoder is frozen."""

    compute: Compute
    seed: int
    pictures: PictureStore | None = None
    cache: FeatureCache | None = None


@dataclass(frozen=True)
class Reading:
    """One split as a stage reads it."""

    corpus: Corpus
    pieces: Pieces


class Answers:
    """Next-token loss over the learnt tokens of a step, each part tuned as `groups` say."""

    def __init__(
        self,
        parts: Parts,
        stage: StageConfig,
        *,
        groups: Sequence[Group],
        training: Reading,
        validation: Reading | None,
        setting: Setting,
    ) -> None:
        self.groups = groups
        self._model = parts.model
        self._image_tokens = parts.encoder.image_tokens
        self._stage = stage
        self._training = training
        self._validation = validation
        self._setting = setting
        self.total = count_steps(self.steps(), stage)

    def steps(self) -> Iterator[list[Row]]:
        """The rows of each step."""
        read = self._training
        return row_steps(read.corpus.metas, read.pieces, self._stage, seed=self._setting.seed)

    def backward(self, step: list[Row]) -> Outcome:
        """Add the gradients of one step; its loss is the mean over its tokens, or over its answers."""
        self._model.train()
        pieces = [piece for row in step for piece in row.pieces]
        whole = _whole(step, per=self._stage.per)
        loss, bad = 0.0, []
        for first in range(0, len(step), self._stage.micro_rows):
            packed = self._pack(step[first : first + self._stage.micro_rows])
            losses_T = self._losses(packed)
            part = (losses_T * self._weights(packed)).sum() / whole
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.item()
            bad += _bad(packed, losses_T)
        return Outcome(loss, sum(row.tokens for row in step), [piece.id for piece in pieces], bad)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The mean loss over the learnt tokens (or answers) of the validation split, pictures unchanged."""
        if self._validation is None or not self._stage.validate_samples:
            return {}
        self._model.eval()
        stage = validation_stage(self._stage)
        read = self._validation
        total, whole = 0.0, 0.0
        for step in row_steps(read.corpus.metas, read.pieces, stage, seed=self._setting.seed):
            packed = self._pack(step)
            total += float((self._losses(packed) * self._weights(packed)).sum())
            whole += _whole(step, per=stage.per)
        return {"validation_loss": total / whole} if whole else {}

    def _pack(self, rows: list[Row]) -> Packed:
        return pack(rows, image_tokens=self._image_tokens, room=len(rows) * self._stage.row_tokens)

    def _losses(self, packed: Packed) -> Tensor:
        with self._setting.compute.autocast():
            features_PND = self._features(packed.views) if packed.views else None
            dropout = self._stage.dropout if self._model.training else 0.0
            return token_losses(self._model, packed, features_PND, dropout=dropout)

    def _features(self, views: Sequence[View]) -> Tensor:
        device = self._setting.compute.device
        if self._setting.cache is not None:
            return self._setting.cache.features(views).to(device)
        distinct = sorted(set(views))
        assert self._setting.pictures is not None
        pixels = self._setting.pictures.pixels(distinct, self._stage.augment, seed=self._setting.seed)
        features = read_pictures(self._model, pixels.to(device))
        return features[torch.tensor([distinct.index(view) for view in views], device=device)]

    def _weights(self, packed: Packed) -> Tensor:
        if self._stage.per == "token":
            return torch.ones(len(packed.targets_T), device=self._setting.compute.device)
        sizes = torch.tensor([int(piece.learnt.sum()) for piece in packed.pieces], dtype=torch.float32)
        return (1 / sizes)[torch.from_numpy(packed.piece_T)].to(self._setting.compute.device)


def frozen_features(parts: Parts, stage: StageConfig, setting: Setting, folder: Path) -> FeatureCache:
    """The cache of features that a stage with a frozen encoder reads."""
    pictures = setting.pictures
    assert pictures is not None
    width: int = parts.model.model.multi_modal_projector.linear_1.in_features

    @torch.no_grad()
    def compute(view: View) -> Tensor:
        pixels = pictures.pixels([view], stage.augment, seed=setting.seed)
        with setting.compute.autocast():
            return read_pictures(parts.model, pixels.to(setting.compute.device))[0].cpu()

    return FeatureCache(
        compute, folder, shape=(parts.encoder.image_tokens, width), dtype=setting.compute.dtype
    )


def validation_stage(stage: StageConfig) -> StageConfig:
    """The stage as it reads the validation split: once, pictures unchanged, at most so many samples."""
    mixture = stage.mixture.model_copy(
        update={"balance": False, "general": None, "limit": stage.validate_samples}
    )
    return stage.model_copy(
        update={"mixture": mixture, "epochs": 1.0, "steps": None, "augment": AugmentConfig()}
    )


def _whole(step: Sequence[Row], *, per: str) -> float:
    """What the losses of a step are divided by: its learnt tokens, or its answers."""
    pieces = [piece for row in step for piece in row.pieces]
    return float(len(pieces)) if per == "answer" else float(sum(int(p.learnt.sum()) for p in pieces))


def _bad(packed: Packed, losses_T: Tensor) -> list[str]:
    """The ids of the samples with a loss that is not finite."""
    numbers = packed.piece_T[(~losses_T.detach().isfinite()).cpu().numpy()]
    return [packed.pieces[number].id for number in sorted(set(numbers.tolist()))]
