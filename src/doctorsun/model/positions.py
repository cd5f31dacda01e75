"""A start for position embeddings from scratch: sin-cos of row and column, as large as the patch embedding.

transformers starts CLIP's so small that a tiny encoder stays blind to place.
"""

import torch
from torch import nn


def start_positions(vision: nn.Module) -> None:
    """Set the position embeddings of a fresh CLIP or SigLIP encoder; a class token's is zero."""
    embeddings = vision.get_submodule("embeddings")
    weight = embeddings.get_submodule("position_embedding").get_parameter("weight")
    kernel = embeddings.get_submodule("patch_embedding").get_parameter("weight")
    side = round((kernel.new_tensor(embeddings.num_patches)).sqrt().item())
    table = sin_cos(side, weight.shape[1])
    # What a patch of one colour, one deviation from the mean, comes to in each channel of the embedding.
    size = kernel.detach().std() * kernel[0].numel() ** 0.5
    with torch.no_grad():
        weight.zero_()
        weight[-side * side :] = table / table.square().mean().sqrt() * size


def sin_cos(side: int, width: int) -> torch.Tensor:
    """A `[side * side, width]` table: sine and cosine of the row in one half, of the column in the other."""
    quarter = width // 4
    rates = 1.0 / 100.0 ** (torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.arange(side, dtype=torch.float64)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows = waves[:, None, :].expand(side, side, -1)
    columns = waves[None, :, :].expand(side, side, -1)
    return torch.cat([rows, columns], dim=2).reshape(side * side, width).float()
