"""Features of a frozen encoder: computed when first asked for, one picture at a time, then kept.

One at a time, because then the bits of a feature do not depend on which pictures stood beside it: a resumed
run computes the same. They lie in a scratch file, mapped into memory, which this process alone trusts.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from doctorsun.core.files import storage_errors
from doctorsun.train.views import View


def encoder_hash(vision: nn.Module, *what: object) -> str:
    """What features depend on: the encoder's weights, and whatever else the caller says."""
    total = hashlib.sha256(repr(what).encode("utf-8"))
    for name, tensor in sorted(vision.state_dict().items()):
        total.update(name.encode("utf-8"))
        total.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return total.hexdigest()


class FeatureCache:
    """`features_ND` by view, kept in the dtype in which the projector reads them, so nothing is lost."""

    def __init__(
        self, compute: Callable[[View], Tensor], folder: Path, *, shape: tuple[int, int], dtype: torch.dtype
    ) -> None:
        self._compute = compute
        self._shape = shape
        self._dtype = dtype
        self._folder = folder
        self._at: dict[View, int] = {}
        self._blocks: list[Tensor] = []
        self._block = max(1, 2**26 // (shape[0] * shape[1] * dtype.itemsize))

    def __len__(self) -> int:
        """How many views are kept."""
        return len(self._at)

    def features(self, views: Sequence[View]) -> Tensor:
        """`features_PND` of some views, in their order."""
        for view in views:
            if view not in self._at:
                place = len(self._at)
                if place // self._block == len(self._blocks):
                    self._blocks.append(self._new_block())
                self._blocks[-1][place % self._block] = self._compute(view).to(self._dtype)
                self._at[view] = place
        places = [self._at[view] for view in views]
        return torch.stack([self._blocks[place // self._block][place % self._block] for place in places])

    def _new_block(self) -> Tensor:
        """A new mapped piece of scratch; its file has no name any more, so nothing is left behind."""
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".features-") as file:
                count = self._block * self._shape[0] * self._shape[1]
                os.posix_fallocate(file.fileno(), 0, count * self._dtype.itemsize)
                kept = torch.from_file(file.name, shared=True, size=count, dtype=self._dtype)
        return kept.view(self._block, *self._shape)
