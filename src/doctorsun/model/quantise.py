"""Linear layers in 4 bits for QLoRA (NF4 of bitsandbytes, scales quantised too), and back into plain ones."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from doctorsun.core.errors import MissingExtra


def quantise(module: nn.Module, paths: Sequence[str]) -> None:
    """Put the linear layers at `paths` below `module` into 4 bits; MissingExtra without bitsandbytes."""
    if find_spec("bitsandbytes") is None:
        raise MissingExtra("qlora", "qlora")
    bnb = import_module("bitsandbytes")
    for path in paths:
        _replace(module, path, _packed(bnb, module.get_submodule(path)))
    module.is_loaded_in_4bit = True  # type: ignore[assignment]  # what peft asks


def is_quantised(layer: nn.Module) -> bool:
    """Whether a layer holds its weight in 4 bits."""
    return getattr(getattr(layer, "weight", None), "quant_state", None) is not None


def plain(layer: Any) -> nn.Linear:  # noqa: ANN401 - a class of bitsandbytes, which has no types
    """The plain linear layer whose weight is what the 4 bits stand for."""
    bnb = import_module("bitsandbytes")
    weight_OI = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    made = nn.Linear(weight_OI.shape[1], weight_OI.shape[0], bias=False)
    made.weight = nn.Parameter(weight_OI.detach().clone(), requires_grad=False)
    made.bias = layer.bias
    return made


def unquantise(module: nn.Module) -> None:
    """Put plain layers in the place of all 4-bit layers below `module`."""
    for path, layer in list(module.named_modules()):
        if is_quantised(layer):
            _replace(module, path, plain(layer))


def _packed(bnb: Any, layer: Any) -> nn.Module:  # noqa: ANN401 - a package without types
    made: nn.Module = bnb.nn.Linear4bit(
        layer.in_features,
        layer.out_features,
        bias=layer.bias is not None,
        compute_dtype=torch.bfloat16 if layer.weight.is_cuda else layer.weight.dtype,
        quant_type="nf4",
    )
    made.weight = bnb.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
    made.bias = layer.bias
    made.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # it would repack what is read back
    return made.to(layer.weight.device)


def _replace(module: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, layer)
