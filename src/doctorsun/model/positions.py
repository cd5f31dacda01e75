"""A start for position embeddings from scratch: sin-cos of row and column, as large as the patch embedding.

transformers starts CLIP's so small that a tiny encoder stays blind to place.
"""

import torch
from torch import nn

from doctorsun.model.vision_family import VisionFamily, patch_side


def start_positions(vision: nn.Module, family: VisionFamily) -> None:
    """Set the position embeddings of a fresh encoder; a class token's is zero. Rotary ones need none."""
    if family.positions is None:
        return
    places = vision.get_parameter(family.positions)
    kernel = vision.get_parameter(family.kernel)
    side = patch_side(vision.config)
    table = sin_cos(side, places.shape[-1])
    # What a patch of one colour, one deviation from the mean, comes to in each channel of the embedding.
    size = kernel.detach().std() * kernel[0].numel() ** 0.5
    with torch.no_grad():
        places.zero_()
        places[..., -side * side :, :] = table / table.square().mean().sqrt() * size


def sin_cos(side: int, width: int) -> torch.Tensor:
    """A `[side * side, width]` table: sine and cosine of the row in one half, of the column in the other."""
    quarter = width // 4
    rates = 1.0 / 100.0 ** (torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.arange(side, dtype=torch.float64)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows = waves[:, None, :].expand(side, side, -1)
    columns = waves[None, :, :].expand(side, side, -1)
    return torch.cat([rows, columns], dim=2).reshape(side * side, width).float()
