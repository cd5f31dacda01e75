"""Pictures as training sees them: small on disk, changed a little by draws that depend on the view alone.

Shapes: B pictures, C = 3 channels, H = W pixels of a side. View 0 is the picture unchanged.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from doctorsun.core.files import whole_folder
from doctorsun.core.progress import track
from doctorsun.core.schema import Picture
from doctorsun.model.pictures import PictureProcessor
from doctorsun.train.draws import seed_of
from doctorsun.train.recipe import AugmentConfig, ChangeConfig
from doctorsun.train.threads import in_threads

View = tuple[str, int]
Floats = NDArray[np.float64]
_LEVELS, _INDEX = "levels.u8", "index.json"


class PictureStore:
    """Pictures, decoded and resized once, as a map of 8-bit levels; `sources` says where each comes from."""

    def __init__(self, folder: Path, pictures: PictureProcessor, *, sources: Mapping[str, str]) -> None:
        self.sources = sources
        names: list[str] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self._at = {name: number for number, name in enumerate(names)}
        self._pictures = pictures
        shape = (len(names), pictures.size, pictures.size, 3)
        self._levels = np.memmap(folder / _LEVELS, np.uint8, "r", shape=shape) if names else None
        edges = pictures.pixels_of_levels(
            torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 1, 3)
        )
        self._black_C, self._reach_C = edges[0].view(3), (edges[1] - edges[0]).view(3)

    @classmethod
    def build(
        cls,
        found: Iterable[tuple[str, Picture]],
        folder: Path,
        pictures: PictureProcessor,
        *,
        sources: Mapping[str, str],
        workers: int = 0,
    ) -> "PictureStore":
        """The store at `folder` of the pictures in `sources`; written there first, unless it is there."""

        def decoded(one: tuple[str, Picture]) -> tuple[str, bytes]:
            name, picture = one
            return name, pictures.levels(picture.bytes, where=name).numpy().tobytes()

        if not folder.is_dir():
            with whole_folder(folder) as aside, (aside / _LEVELS).open("wb") as file:
                names = []
                made = in_threads(decoded, found, workers=workers)
                for name, levels in track(made, "train.decoding", len(sources)):
                    file.write(levels)
                    names.append(name)
                (aside / _INDEX).write_text(json.dumps(names), encoding="utf-8")
        return cls(folder, pictures, sources=sources)

    def blank(self) -> torch.Tensor:
        """`pixels_BCHW` of one picture of nothing."""
        size = self._pictures.size
        return torch.zeros(1, 3, size, size)

    def rgb(self, pixels_BCHW: torch.Tensor) -> torch.Tensor:
        """The colours of normalised pictures as 0..1 (a little beyond where they were lit)."""
        black, reach = self._black_C.view(3, 1, 1), self._reach_C.view(3, 1, 1)
        return (pixels_BCHW - black.to(pixels_BCHW.device)) / reach.to(pixels_BCHW.device)

    def pixels(self, views: Sequence[View], augment: AugmentConfig, *, seed: int) -> torch.Tensor:
        """`pixels_BCHW` of some views, normalised; view 0 is exactly what the processor gives."""
        assert self._levels is not None
        levels_BHWC = np.stack([self._levels[self._at[name]] for name, _ in views])
        pixels_BCHW = self._pictures.pixels_of_levels(torch.from_numpy(levels_BHWC))
        changed = [number for number, (_, view) in enumerate(views) if view]
        if changed:
            draws = [seed_of(seed, "view", *views[number]) for number in changed]
            amounts = [augment.of(self.sources[views[number][0]]) for number in changed]
            pixels_BCHW[changed] = change(pixels_BCHW[changed], draws, amounts, reach_C=self._reach_C)
        return pixels_BCHW


def change(
    pixels_BCHW: torch.Tensor, draws: Sequence[int], amounts: Sequence[ChangeConfig], *, reach_C: torch.Tensor
) -> torch.Tensor:
    """The pictures turned, cut and lit, each by a draw and at most by its amounts; edges are mirrored.

    `reach_C` is the distance from black to white in normalised units.
    """
    drawn = np.stack([np.random.default_rng(draw).uniform(-1, 1, 9) for draw in draws])
    most = np.array([[amount.brightness, amount.contrast, amount.colour] for amount in amounts])
    grid = functional.affine_grid(_moves(drawn, amounts), list(pixels_BCHW.shape), align_corners=False)
    moved = functional.grid_sample(pixels_BCHW, grid, padding_mode="reflection", align_corners=False)
    light, contrast, colour = (
        torch.from_numpy(drawn[:, 6 + number] * most[:, number]).float().view(-1, 1, 1, 1)
        for number in range(3)
    )
    middle = moved.mean(dim=(2, 3), keepdim=True)
    lit = (moved - middle) * (1 + contrast) + middle + light * reach_C.view(1, 3, 1, 1)
    grey = lit.mean(dim=1, keepdim=True)
    return grey + (lit - grey) * (1 + colour)


def _moves(drawn: Floats, amounts: Sequence[ChangeConfig]) -> torch.Tensor:
    """The affine maps `[B, 2, 3]` from the new picture to the old one."""
    crop, stretch, rotate = (
        np.array([getattr(amount, name) for amount in amounts]) for name in ("crop", "stretch", "rotate")
    )
    size, shape, turn, shift_x, shift_y, flip = drawn[:, :6].T
    side = 1 - crop * (size + 1) / 2
    wide = np.minimum(1, side * np.exp(stretch * shape))
    high = np.minimum(1, side / np.exp(stretch * shape))
    quarters = np.array(
        [int(draw * 1e6) % 4 if amount.turns else 0 for draw, amount in zip(turn, amounts, strict=True)]
    )
    angle = np.radians(turn * rotate) + quarters * np.pi / 2
    mirror = np.where(np.array([amount.flip for amount in amounts]) & (flip > 0), -1.0, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [
        [wide * cos * mirror, -high * sin, shift_x * (1 - wide)],
        [wide * sin * mirror, high * cos, shift_y * (1 - high)],
    ]
    return torch.from_numpy(np.array(rows)).permute(2, 0, 1).float()
