"""The processes that train together, as `torchrun` started them: one alone is a world too.

Every question is asked by all of them at the same place. What goes between them is numbers and JSON.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, distributed

from doctorsun.core.errors import TrainError

_PATIENCE = timedelta(hours=2)
_LOST = ("gloo", "NCCL", "Connection", "Broken pipe", "Socket", "connection")


@dataclass(frozen=True)
class World:
    """Where a process stands: `rank` of `size`, and the device on which it computes and talks."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes metrics, notes and pages, and renames checkpoints."""
        return self.rank == 0

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sum over all ranks of each value, the same bits on each of them."""
        if self.size == 1:
            return list(values)
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        whole = torch.tensor(values, dtype=dtype, device=self.device)
        with lost_ranks():
            distributed.all_reduce(whole)
        return [float(value) for value in whole.tolist()]

    def any(self, flag: bool) -> bool:
        """Whether it is so on at least one rank."""
        return self.sum([float(flag)])[0] > 0

    def gather(self, value: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON can hold
        """What each rank has, in the order of ranks; anything that JSON can hold."""
        if self.size == 1:
            return [value]
        raw = torch.frombuffer(bytearray(json.dumps(value).encode("utf-8")), dtype=torch.uint8)
        sizes = [int(size) for size in self._collect(torch.tensor([len(raw)]))]
        padded = torch.zeros(max(sizes), dtype=torch.uint8)
        padded[: len(raw)] = raw
        found = zip(self._collect(padded), sizes, strict=True)
        return [json.loads(bytes(one[:size].tolist())) for one, size in found]

    def told(self, value: Any) -> Any:  # noqa: ANN401
        """What the main rank has; anything that JSON can hold."""
        return self.gather(value if self.is_main else None)[0]

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        self.sum([0.0])

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The block runs on the main rank, then on all others; an error of the main one ends them all."""
        if self.is_main:
            try:
                yield
            except BaseException:
                self.any(True)
                raise
            self.any(False)
            return
        if self.any(False):
            raise TrainError("train.main_failed", rank=self.rank)
        yield

    def _collect(self, tensor: Tensor) -> list[Tensor]:
        mine = tensor.to(self.device)
        found = [torch.empty_like(mine) for _ in range(self.size)]
        with lost_ranks():
            distributed.all_gather(found, mine)
        return [one.cpu() for one in found]


def world() -> World:
    """The world that this process belongs to; the first call under `torchrun` joins the others."""
    waiting = {} if distributed.is_initialized() else {"timeout": _PATIENCE}
    # Without `cpu` Accelerate takes processes that have no accelerator for lonely ones.
    state = PartialState(cpu=not torch.accelerator.is_available(), **waiting)
    return World(state.process_index, state.num_processes, state.device)


@contextmanager
def lost_ranks() -> Iterator[None]:
    """Turn what a library says when another process is gone into one line: TrainError "train.rank_lost"."""
    try:
        yield
    except RuntimeError as error:
        known = isinstance(error, distributed.DistError) or any(word in str(error) for word in _LOST)
        if not known or not distributed.is_initialized():
            raise
        rank, size = distributed.get_rank(), distributed.get_world_size()
        raise TrainError("train.rank_lost", rank=rank, size=size) from error
