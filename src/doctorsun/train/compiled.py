"""torch.compile where it pays: the norms and the feed-forward halves of the layers, fused by PyTorch.

Attention stays as it is: its blocks differ from step to step, and a GPU has kernels of its own for it.
"""

import torch
from torch import nn
from torch._dynamo.exc import TorchDynamoException

from doctorsun.core.errors import TrainError
from doctorsun.model.anatomy import anatomy


def compile_layers(model: nn.Module) -> None:
    """Have PyTorch compile the layers of encoder and language model; TrainError where it has no compiler.

    Lengths are left open, so that what is compiled does not depend on which step came first.
    """
    try:
        torch.compile(_probe)(torch.ones(8))
    except TorchDynamoException as error:
        raise TrainError("train.no_compiler", problem=type(error).__name__) from error
    found = anatomy(model)
    for path in (found.vision_layers, found.language_layers):
        for layer in model.get_submodule(path).children():
            for name, child in layer.named_children():
                if "attn" not in name and "attention" not in name:
                    child.compile(dynamic=True)


def _probe(figures: torch.Tensor) -> torch.Tensor:
    return (figures * 2).relu()
