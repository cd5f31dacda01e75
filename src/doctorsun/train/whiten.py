"""A patch embedding that starts from the pictures' own principal components, whitened.

An encoder from scratch then reads as much from its first layer as a random one learns in hundreds of steps.
Shapes: B pictures, L patches of C*P*P = K figures each.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_STRENGTH = 0.5
_FLOOR = 1e-2


@torch.no_grad()
def whiten_patches(embedding: nn.Conv2d, pixels_BCHW: Tensor) -> None:
    """Set the filters of `embedding` to the strongest whitened components of the patches of some pictures.

    Filters beyond the number of components keep their start.
    """
    size = embedding.kernel_size[0]
    patches_LK = functional.unfold(pixels_BCHW, size, stride=size).transpose(1, 2).flatten(0, 1)
    patches_LK = patches_LK - patches_LK.mean(dim=0)
    strengths, components = torch.linalg.eigh(patches_LK.T @ patches_LK / len(patches_LK))
    strengths, components = strengths.flip(0), components.flip(1)
    count = min(embedding.out_channels, components.shape[1])
    filters = components[:, :count] / (strengths[:count] + _FLOOR).sqrt()
    signs = filters.sum(dim=0).sign()
    signs[signs == 0] = 1
    weight = (filters * signs).T.reshape(count, *embedding.weight.shape[1:])
    embedding.weight[:count] = _STRENGTH * weight.to(embedding.weight)
