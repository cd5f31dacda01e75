"""What the model that a stage starts from gives each answer of each pair, computed before it is changed.

Kept on disk, so that no second model is in memory and a stage that goes on has the very same figures. They
depend on the pairs and the starting model alone: the pass is laid out by itself, not as training is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from doctorsun.core.files import write_whole
from doctorsun.core.progress import track
from doctorsun.train.answers import Losses
from doctorsun.train.crash import crash_point
from doctorsun.train.packing import Packed, Row
from doctorsun.train.pairs import Pair, pair_rows, pairs_in
from doctorsun.train.recipe import StageConfig

# So many steps of the pass are written at a time: a pass that was killed goes on behind them.
_LOT = 8


class Reference:
    """Log-probabilities, in nats, of the chosen and the rejected answer of each pair, by the sample's id.

    One that was never read is nought: enough for a rehearsal, whose losses mean nothing.
    """

    def __init__(self, known: dict[str, tuple[float, float]] | None = None) -> None:
        self._known = known

    def __len__(self) -> int:
        """How many pairs it knows."""
        return len(self._known or ())

    def of(self, pairs: Sequence[Pair], device: torch.device) -> Tensor:
        """`logps_2P`: those of the chosen answers, and those of the rejected ones."""
        found = [(0.0, 0.0) if self._known is None else self._known[pair.id] for pair in pairs]
        return torch.tensor(found, dtype=torch.float32, device=device).reshape(-1, 2).T


def answer_logps(losses_T: Tensor, packed: Packed) -> Tensor:
    """`logps_2P`: the sums over each pair's chosen and rejected answer, in the order of `packed.pieces`."""
    owner_T = torch.from_numpy(packed.piece_T).to(losses_T.device)
    sums = losses_T.new_zeros(len(packed.pieces)).index_add(0, owner_T, -losses_T)
    return sums.reshape(-1, 2).T


@torch.no_grad()
def reference_of(
    pairs: Iterable[Pair], losses: Losses, stage: StageConfig, folder: Path, *, start: str
) -> Reference:
    """The reference of these pairs, read from `folder` or computed; the model must still be as it starts.

    `start` tells that model from any other.
    """
    distinct = {pair.id: pair for pair in pairs}
    ordered = [distinct[name] for name in sorted(distinct)]
    steps = list(pair_rows(ordered, rows=stage.micro_rows, row_tokens=stage.row_tokens))
    place = folder / f"reference-{_key(ordered, stage, start)}"
    losses.model.eval()
    known: dict[str, tuple[float, float]] = {}
    everyone = losses.team.world
    lots = [steps[first : first + _LOT] for first in range(0, len(steps), _LOT)]
    for number, lot in enumerate(track(lots, "train.reading_reference")):
        file = place / f"{number:06d}.json"
        logps = everyone.told(_kept(file) if everyone.is_main else None)
        fresh = logps is None
        if fresh:
            logps = [pair for rows in lot for pair in _computed(rows, losses)]
        if fresh and everyone.is_main:
            write_whole(file, json.dumps({"logps": logps, "sha256": _digest(logps)}))
            crash_point("reference.lot")
        names = (pair.id for rows in lot for pair in pairs_in(rows))
        known |= {name: (float(one), float(other)) for name, (one, other) in zip(names, logps, strict=True)}
    return Reference(known)


def _computed(rows: list[Row], losses: Losses) -> Iterator[list[float]]:
    packed = losses.pack(rows)
    yield from answer_logps(losses.of(packed), packed).T.tolist()


def _kept(file: Path) -> list[list[float]] | None:
    """What a lot's file holds, null where there is none or it is damaged."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        logps: list[list[float]] = tree["logps"]
        whole = tree["sha256"] == _digest(logps)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return logps if whole else None


def _digest(logps: list[list[float]]) -> str:
    return hashlib.sha256(json.dumps(logps).encode()).hexdigest()


def _key(pairs: Sequence[Pair], stage: StageConfig, start: str) -> str:
    """What the figures depend on: the model, how its parts are held, the layout of the pass, the tokens."""
    how = [start, stage.tune.model_dump_json(), stage.precision, stage.weights]
    how += [str(stage.row_tokens), str(stage.micro_rows)]
    digest = hashlib.sha256(repr(how).encode())
    for pair in pairs:
        digest.update(repr((pair.id, pair.chosen.pictures)).encode())
        for piece in (pair.chosen, pair.rejected):
            digest.update(piece.ids.tobytes() + piece.learnt.tobytes())
    return digest.hexdigest()[:32]
