"""The objective of `preference`: the chosen answer gains on the rejected one, against the starting model.

DPO (Rafailov 2023, arXiv:2305.18290), IPO (Azar 2023, arXiv:2310.12036) averaged over an answer's tokens as
its authors do, and robust DPO (Chowdhury 2024, arXiv:2403.00409): the sums that TRL's DPOTrainer computes.
Shapes: P pairs; 2 is the chosen and the rejected answer.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from doctorsun.core.errors import TrainError
from doctorsun.model.parts import Parts
from doctorsun.model.tuning import Group
from doctorsun.train.answers import losses_of, validation_stage
from doctorsun.train.corpus import Corpus
from doctorsun.train.loop import Outcome
from doctorsun.train.packing import Packed, Row
from doctorsun.train.pairs import Pair, Pairs, pair_steps, pairs_in
from doctorsun.train.recipe import StageConfig
from doctorsun.train.reference import Reference, answer_logps, reference_of
from doctorsun.train.schedule import count_steps
from doctorsun.train.setting import Setting


@dataclass(frozen=True)
class PairReading:
    """The pairs of one split as a stage reads them."""

    corpus: Corpus
    pairs: Pairs

    def steps(self, stage: StageConfig, *, seed: int) -> Iterator[list[Row]]:
        """The rows of each step."""
        return pair_steps(self.corpus.metas, self.pairs, stage, seed=seed)


class Preference:
    """The mean loss over the pairs of a step, each part tuned as `groups` say.

    Before the first step, and before a checkpoint is restored, `read_reference` takes the starting model.
    """

    def __init__(
        self,
        parts: Parts,
        stage: StageConfig,
        *,
        groups: Sequence[Group],
        training: PairReading,
        validation: PairReading | None,
        setting: Setting,
    ) -> None:
        self.groups = groups
        self._losses = losses_of(parts, stage, setting)
        self._stage = stage
        self._training = training
        self._validation = validation
        self._device = setting.compute.device
        self._seed = setting.seed
        if not training.corpus.entries:
            raise TrainError("train.no_pairs", stage=stage.name or stage.kind)
        self.total = count_steps(self.steps(), stage)
        self._reference = Reference()

    def read_reference(self, folder: Path, *, start: str) -> None:
        """Take the starting model as it is now for the reference; `start` tells it from others on disk."""
        pairs = [pair for step in islice(self.steps(), self.total) for pair in pairs_in(step)]
        pairs += [pair for step in self._held_out() for pair in pairs_in(step)]
        self._reference = reference_of(pairs, self._losses, self._stage, folder, start=start)

    def steps(self) -> Iterator[list[Row]]:
        """The rows of each step."""
        return self._training.steps(self._stage, seed=self._seed)

    def backward(self, step: list[Row]) -> Outcome:
        """Add the gradients of one step; its figures are means over its pairs."""
        self._losses.model.train()
        whole = len(pairs_in(step))
        loss, bad, figures = 0.0, [], Counter[str]()
        team = self._losses.team
        mine = self._losses.mine(step)
        for first in range(0, len(mine), self._stage.micro_rows):
            packed = self._losses.pack(mine[first : first + self._stage.micro_rows])
            losses_P, told = self._judged(packed)
            part = losses_P.sum() / whole
            team.backward(part)
            loss += part.item()
            bad += [packed.pieces[2 * at].id for at in _not_finite(losses_P)]
            figures.update({name: value / whole for name, value in told.items()})
        team.add_up([parameter for group in self.groups for parameter in group.parameters])
        loss, bad = team.told(loss, bad)
        figures = team.summed(figures)
        return Outcome(
            loss,
            sum(row.tokens for row in step),
            [pair.id for pair in pairs_in(step)],
            bad,
            figures=dict(figures),
            pictures=sum(len(pair.chosen.pictures) for pair in pairs_in(step)),
            learnt=sum(int(piece.learnt.sum()) for row in step for piece in row.pieces),
        )

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The mean loss and figures over the pairs of the validation split."""
        self._losses.model.eval()
        count, total = 0, Counter[str]()
        for step in self._held_out():
            losses_P, told = self._judged(self._losses.pack(self._losses.mine(step)))
            total.update({"loss": float(losses_P.sum()), **told})
            count += len(pairs_in(step))
        total = self._losses.team.summed(total)
        return {f"validation_{name}": value / count for name, value in total.items()}

    def _held_out(self) -> Iterator[list[Row]]:
        read = self._validation
        if read is None or not read.corpus.entries or not self._stage.validate_samples:
            return iter(())
        return read.steps(validation_stage(self._stage), seed=self._seed)

    def _judged(self, packed: Packed) -> tuple[Tensor, dict[str, float]]:
        """`losses_P`, and sums over the pairs of what is worth watching."""
        pairs = [Pair(*both) for both in zip(packed.pieces[::2], packed.pieces[1::2], strict=True)]
        logps_2P = answer_logps(self._losses.of(packed), packed)
        gains_2P = logps_2P - self._reference.of(pairs, self._device)
        lengths = [(int(pair.chosen.learnt.sum()), int(pair.rejected.learnt.sum())) for pair in pairs]
        lengths_2P = torch.tensor(lengths, dtype=torch.float32, device=self._device).reshape(-1, 2).T
        return pair_losses(gains_2P, lengths_2P, self._stage), _figures(gains_2P, lengths_2P, self._stage)


def pair_losses(gains_2P: Tensor, lengths_2P: Tensor, stage: StageConfig) -> Tensor:
    """`losses_P` of pairs whose answers became `gains_2P` nats likelier and are `lengths_2P` tokens long.

    `label_smoothing` is the share of pairs that may be the wrong way round: "sigmoid" then pulls less
    (conservative DPO), "robust" corrects for them.
    """
    if stage.loss == "ipo":
        each_2P = gains_2P / lengths_2P
        return (each_2P[0] - each_2P[1] - 1 / (2 * stage.beta)) ** 2
    margins_P = stage.beta * (gains_2P[0] - gains_2P[1])
    right_P, wrong_P = -functional.logsigmoid(margins_P), -functional.logsigmoid(-margins_P)
    share = stage.label_smoothing
    if stage.loss == "robust":
        return ((1 - share) * right_P - share * wrong_P) / (1 - 2 * share)
    return (1 - share) * right_P + share * wrong_P


def _figures(gains_2P: Tensor, lengths_2P: Tensor, stage: StageConfig) -> dict[str, float]:
    """Sums over pairs: how often and by how much the chosen answer is ahead, and how far both have moved.

    A reward is `beta` times the nats gained; `drift` is nats a token, away from the starting model.
    """
    rewards_2P = stage.beta * gains_2P.detach()
    drift_2P = gains_2P.detach() / lengths_2P
    return {
        "reward_accuracy": float((rewards_2P[0] > rewards_2P[1]).sum()),
        "reward_margin": float((rewards_2P[0] - rewards_2P[1]).sum()),
        "reward_chosen": float(rewards_2P[0].sum()),
        "reward_rejected": float(rewards_2P[1].sum()),
        "drift_chosen": float(drift_2P[0].sum()),
        "drift_rejected": float(drift_2P[1].sum()),
    }


def _not_finite(losses_P: Tensor) -> list[int]:
    found: list[int] = (~losses_P.detach().isfinite()).nonzero().flatten().tolist()
    return found
