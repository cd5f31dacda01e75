"""The objective of `medical-llm`, `align` and `instruct`: the next token of packed conversations.

Shapes: P pictures, N tokens of a picture, D width, T learnt tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from doctorsun.model.parts import Parts
from doctorsun.model.tuning import Group
from doctorsun.train.ahead import PixelsAhead
from doctorsun.train.balance import deal
from doctorsun.train.corpus import Corpus, Pieces, tell_long_rows
from doctorsun.train.forward import read_pictures, token_losses, weighted_loss
from doctorsun.train.loop import Outcome
from doctorsun.train.packing import Packed, Row, pack
from doctorsun.train.parallel.team import Team
from doctorsun.train.recipe import AugmentConfig, StageConfig
from doctorsun.train.schedule import count_steps, row_steps
from doctorsun.train.setting import Setting
from doctorsun.train.views import View
from doctorsun.train.whole import WholeLosses


@dataclass(frozen=True)
class Reading:
    """One split as a stage reads it."""

    corpus: Corpus
    pieces: Pieces


class RowLosses:
    """What the model makes of packed rows: the loss of every learnt token, in nats."""

    def __init__(self, parts: Parts, stage: StageConfig, setting: Setting) -> None:
        self.model = parts.model
        self.team = setting.team
        self._image_tokens = parts.encoder.image_tokens
        self._stage = stage
        self._setting = setting
        self._ahead = PixelsAhead(self._pixels, workers=stage.workers)

    def follow(self, steps: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """The same steps, while the pictures of those to come are read."""
        return steps if self._setting.cache else self._ahead.follow(steps, self._batches)

    def _batches(self, step: list[Row]) -> Iterator[tuple[View, ...]]:
        """The pictures that this rank asks for in a step, in lots as it asks for them."""
        mine = self.mine(step)
        for first in range(0, len(mine), self._stage.micro_rows):
            groups = [group for row in mine[first : first + self._stage.micro_rows] for group in row.groups]
            views = {(name, group.view) for group in groups for name in group.pieces[0].pictures}
            if views:
                yield tuple(sorted(views))

    def _pixels(self, views: tuple[View, ...]) -> Tensor:
        assert self._setting.pictures is not None
        return self._setting.pictures.pixels(views, self._stage.augment, seed=self._setting.seed)

    def pack(self, rows: list[Row]) -> Packed:
        """The arrays of some rows."""
        return pack(rows, image_tokens=self._image_tokens, room=len(rows) * self._stage.row_tokens)

    def of(self, packed: Packed) -> Tensor:
        """`losses_T`, ordered as `packed.targets_T`; words are hidden while the model trains alone."""
        losses_T: Tensor = self.team.call(self._of, packed)
        return losses_T

    def weighted(self, packed: Packed, weights_T: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of `losses_T` by their weights, and `losses_T` without a gradient."""
        found: tuple[Tensor, Tensor] = self.team.call(self._weighted, packed, weights_T)
        return found

    def mine(self, step: Sequence[Row]) -> list[Row]:
        """What of a step's rows falls to this rank."""
        team = self.team
        tokens = 0 if self._setting.cache is not None else self._image_tokens
        return deal(step, team.world.size, picture_tokens=tokens)[team.world.rank]

    def _of(self, packed: Packed) -> Tensor:
        with self._setting.compute.autocast():
            return token_losses(self.model, packed, self._seen(packed), dropout=self._dropout())

    def _weighted(self, packed: Packed, weights_T: Tensor) -> tuple[Tensor, Tensor]:
        with self._setting.compute.autocast():
            return weighted_loss(
                self.model, packed, self._seen(packed), weights_T=weights_T, dropout=self._dropout()
            )

    def _dropout(self) -> float:
        return self._stage.dropout if self.model.training else 0.0

    def _seen(self, packed: Packed) -> Tensor | None:
        if not self.team.seen_by_any(bool(packed.views)):
            return None
        if not packed.views:
            return self._no_features()
        return self._features(packed.views)

    def _no_features(self) -> Tensor:
        """`features_PND` of no picture, made as those of one are: other ranks wait in the encoder."""
        device = self._setting.compute.device
        if self._setting.cache is not None:
            return self._setting.cache.none().to(device)
        assert self._setting.pictures is not None
        return read_pictures(self.model, self._setting.pictures.blank().to(device))[:0]

    def _features(self, views: Sequence[View]) -> Tensor:
        device = self._setting.compute.device
        if self._setting.cache is not None:
            return self._setting.cache.features(views).to(device)
        distinct = sorted(set(views))
        features = read_pictures(self.model, self._ahead.pixels(tuple(distinct)).to(device))
        return features[torch.tensor([distinct.index(view) for view in views], device=device)]


class Losses(Protocol):
    """What a model makes of rows, whichever way it reads them; what `pack` gives is its own affair."""

    model: Any
    team: Team

    def follow(self, steps: Iterator[list[Row]], /) -> Iterator[list[Row]]:
        """The same steps, while what those to come read is made ready."""
        ...

    def pack(self, rows: list[Row], /) -> Any:  # noqa: ANN401 - `Packed`, or the like of it
        """The arrays of some rows, with `pieces`, `targets_T` and `piece_T`."""
        ...

    def of(self, packed: Any, /) -> Tensor:  # noqa: ANN401
        """`losses_T` in nats."""
        ...

    def weighted(self, packed: Any, weights_T: Tensor, /) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """The sum of `losses_T` by their weights, and `losses_T` without a gradient."""
        ...

    def mine(self, step: Sequence[Row], /) -> list[Row]:
        """What of a step's rows falls to this rank."""
        ...


def losses_of(parts: Parts, stage: StageConfig, setting: Setting) -> Losses:
    """The lean way for a LLaVA, its own forward for any other model."""
    return WholeLosses(parts, stage, setting) if parts.whole else RowLosses(parts, stage, setting)


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
        self._losses = losses_of(parts, stage, setting)
        self._stage = stage
        self._training = training
        self._validation = validation
        self._setting = setting
        if parts.whole is None and stage.kind != "medical-llm":
            tell_long_rows(training.corpus, parts.encoder, row_tokens=stage.row_tokens)
        self.total = count_steps(self.steps(), stage)

    def steps(self) -> Iterator[list[Row]]:
        """The rows of each step."""
        read = self._training
        steps = row_steps(read.corpus.metas, read.pieces, self._stage, seed=self._setting.seed)
        return self._losses.follow(steps)

    def backward(self, step: list[Row]) -> Outcome:
        """Add the gradients of one step; its loss is the mean over its tokens, or over its answers."""
        self._model.train()
        pieces = [piece for row in step for piece in row.pieces]
        whole = _whole(step, per=self._stage.per)
        loss, bad = 0.0, []
        team = self._setting.team
        mine = self._losses.mine(step)
        for first in range(0, len(mine), self._stage.micro_rows):
            packed = self._losses.pack(mine[first : first + self._stage.micro_rows])
            part, losses_T = self._losses.weighted(packed, self._weights(packed) / whole)
            if part.requires_grad:  # a text alone teaches a projector nothing
                team.backward(part)
            loss += part.item()
            bad += _bad(packed, losses_T)
        team.add_up([parameter for group in self.groups for parameter in group.parameters])
        loss, bad = team.told(loss, bad)
        return Outcome(
            loss,
            sum(row.tokens for row in step),
            [piece.id for piece in pieces],
            bad,
            pictures=sum(len(group.pieces[0].pictures) for row in step for group in row.groups),
            learnt=sum(int(piece.learnt.sum()) for piece in pieces),
        )

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
            packed = self._losses.pack(self._losses.mine(step))
            total += float((self._losses.of(packed) * self._weights(packed)).sum())
            whole += _whole(step, per=stage.per)
        (total,) = self._setting.team.world.sum([total])
        return {"validation_loss": total / whole} if whole else {}

    def _weights(self, packed: Packed) -> Tensor:
        if self._stage.per == "token":
            return torch.ones(len(packed.targets_T), device=self._setting.compute.device)
        sizes = torch.tensor([int(piece.learnt.sum()) for piece in packed.pieces], dtype=torch.float32)
        return (1 / sizes)[torch.from_numpy(packed.piece_T)].to(self._setting.compute.device)


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
