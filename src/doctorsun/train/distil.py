"""A frozen teacher's feature maps, matched at every scale it gives: needs no labels.

Shapes: B pictures, N patches on a square grid, W width of the encoder, D channels of a map of h x w places.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from doctorsun.core.plugins import find
from doctorsun.train import teachers
from doctorsun.train.views import PictureStore

_FARTHEST = 6.0


class Teacher(Protocol):
    """A file of `teachers/`: `LICENCE`, `ORIGIN`, and `load()`, which gives one of these."""

    widths: tuple[int, ...]

    def maps(self, rgb_BCHW: Tensor) -> list[Tensor]:
        """A `maps_BDhw` for each of `widths`, of pictures whose red, green and blue are 0..1."""
        ...


def load_teacher(name: str, *, dtype: torch.dtype) -> Teacher:
    """The teacher of that name; ConfigError names the near one, MissingExtra the package it needs."""
    teacher: Teacher = find(teachers, name, where="teacher").load(dtype)
    return teacher


class DistilHead(nn.Module):
    """Maps patches to the teacher's channels; its loss is the mean over maps of the mean squared error.

    Each channel is brought to mean nought and to deviation one *within* a source (`batches` holds pictures of
    one source each), so that what tells sources apart, which is easy, does not outweigh what differs in them.
    """

    def __init__(
        self, teacher: Teacher, pictures: PictureStore, *, width: int, batches: Sequence[Tensor]
    ) -> None:
        super().__init__()
        self._teacher = teacher
        self._pictures = pictures
        self.maps = nn.ModuleList(nn.Linear(width, channels) for channels in teacher.widths)
        means, spreads = self._statistics(batches)
        self._means, self._spreads = means, spreads

    def forward(self, features_BNW: Tensor, _: Sequence[tuple[str, int, int]], *, pixels: Tensor) -> Tensor:
        """The loss of a batch of pictures."""
        grid_BWss = _as_grid(features_BNW)
        losses = []
        for number, target_BDhw in enumerate(self._read(pixels)):
            side = min(target_BDhw.shape[-1], grid_BWss.shape[-1])
            target_BDhw = functional.adaptive_avg_pool2d(target_BDhw, side)
            mean, spread = self._means[number].to(pixels.device), self._spreads[number].to(pixels.device)
            target_BDhw = ((target_BDhw - mean) / spread).clamp(-_FARTHEST, _FARTHEST)
            seen_BDn = functional.adaptive_avg_pool2d(grid_BWss, side).flatten(2)
            guess_BnD = self.maps[number](seen_BDn.transpose(1, 2)).float()
            losses.append(functional.mse_loss(guess_BnD, target_BDhw.flatten(2).transpose(1, 2)))
        return torch.stack(losses).mean()

    @torch.no_grad()
    def _read(self, pixels_BCHW: Tensor) -> list[Tensor]:
        return [found.float() for found in self._teacher.maps(self._pictures.rgb(pixels_BCHW))]

    def _statistics(self, batches: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The mean of every channel of every map, and the mean over sources of its deviation in one."""
        means: list[list[Tensor]] = [[] for _ in self._teacher.widths]
        variances: list[list[Tensor]] = [[] for _ in self._teacher.widths]
        for batch_BCHW in batches:
            for number, found_BDhw in enumerate(self._read(batch_BCHW)):
                means[number].append(found_BDhw.mean(dim=(0, 2, 3)).view(-1, 1, 1))
                variances[number].append(found_BDhw.var(dim=(0, 2, 3)).view(-1, 1, 1))
        spread = [torch.stack(found).mean(dim=0).sqrt() + 1e-3 for found in variances]
        return [torch.stack(found).mean(dim=0) for found in means], spread


def _as_grid(features_BNW: Tensor) -> Tensor:
    side = round(features_BNW.shape[1] ** 0.5)
    return features_BNW.transpose(1, 2).reshape(len(features_BNW), -1, side, side)
