"""Gradient checkpointing by part: a layer keeps its input alone and is computed again for the gradient."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from doctorsun.core.errors import ModelError
from doctorsun.model.anatomy import anatomy
from doctorsun.train.attention import attend_by


def recompute(model: nn.Module, parts: Sequence[str]) -> None:
    """Have the layers of `parts` ("vision", "language") computed again for the gradient, to the same bits.

    PyTorch repeats what was drawn at random; how the layers attend is set again here. ModelError if the
    layers of a part have no such switch.
    """
    found = anatomy(model)
    places = {
        "vision": (found.vision, found.vision_layers),
        "language": (found.language, found.language_layers),
    }
    for part in parts:
        whole, layers = (model.get_submodule(path) for path in places[part])
        again: Any = partial(checkpoint, use_reentrant=False, context_fn=partial(_as_before, whole))
        each: Any
        for each in layers.children():
            if not hasattr(each, "gradient_checkpointing"):
                raise ModelError("model.no_checkpointing", part=part, found=type(each).__name__)
            each.gradient_checkpointing = True
            each._gradient_checkpointing_func = again


def _as_before(whole: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What surrounds a layer the first time, and the second: the attention that it has now."""
    config: Any = whole.config
    return nullcontext(), attend_by(whole, config._attn_implementation)
