"""Low-rank adapters as plain arithmetic: added to a weight, and found again in the difference of two.

Shapes: W is O by I; A is R by I, B is O by R; the adapted weight is W + scale * B A.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from doctorsun.core.errors import ModelError
from doctorsun.model.shards import read_shards
from doctorsun.model.trust import read_json

_KEY = re.compile(r"^base_model\.model\.(?P<name>.+)\.lora_(?P<side>[AB])\.weight$")
_RANKS = (4, 8, 16, 32, 64, 128, 256)
_CLOSE = 1e-4  # of the difference that may be left over
_ROUNDING = {torch.float32: 2e-7, torch.bfloat16: 4e-3, torch.float16: 5e-4}  # of the weight, by its figures


@dataclass(frozen=True, slots=True)
class LowRank:
    """`a_RI` and `b_OR`, whose product is added to a weight."""

    a_RI: torch.Tensor
    b_OR: torch.Tensor

    @property
    def rank(self) -> int:
        """R."""
        return self.a_RI.shape[0]


def read_adapter(folder: Path) -> dict[str, LowRank]:
    """The adapters of a peft folder by the name of their layer, with the scale in `b_OR`."""
    path = folder / "adapter_config.json"
    config = read_json(path) if path.is_file() else None
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise ModelError("convert.no_adapter", where=folder)
    strange = [
        key
        for key in ("use_dora", "fan_in_fan_out", "lora_bias", "alora_invocation_tokens")
        if config.get(key)
    ]
    if strange or config.get("bias", "none") != "none":
        raise ModelError("convert.adapter_kind", where=path, found=", ".join(strange) or "bias")
    sides: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in read_shards(folder).items():
        match = _KEY.match(key)
        if match is None:
            raise ModelError("model.unexpected_keys", where=folder, count=1, names=key)
        sides.setdefault(match["name"], {})[match["side"]] = tensor
    lame = [name for name, both in sides.items() if len(both) != 2]
    if lame:
        raise ModelError("model.missing_keys", where=folder, count=len(lame), names=", ".join(lame[:3]))
    return {
        name: LowRank(both["A"], both["B"] * _scale(config, name, both["A"])) for name, both in sides.items()
    }


def add_adapter(
    tensors: Mapping[str, torch.Tensor], adapters: Mapping[str, LowRank], *, where: Path
) -> dict[str, torch.Tensor]:
    """The tensors with every adapter added to the weight of its layer; each must have one."""
    merged = dict(tensors)
    lost = [name for name in adapters if f"{name}.weight" not in tensors]
    if lost:
        raise ModelError("convert.adapter_elsewhere", where=where, count=len(lost), names=", ".join(lost[:3]))
    for name, adapter in adapters.items():
        weight_OI = tensors[f"{name}.weight"]
        added_OI = adapter.b_OR.float() @ adapter.a_RI.float()
        if added_OI.shape != weight_OI.shape:
            raise ModelError("model.mismatched_keys", where=where, count=1, names=name)
        merged[f"{name}.weight"] = (weight_OI.float() + added_OI).to(weight_OI.dtype)
    return merged


def difference(new_OI: torch.Tensor, old_OI: torch.Tensor, *, name: str) -> LowRank:
    """The adapter that leads from the old weight to the new; ModelError if none of low rank does.

    What is left over must be no more than the rounding of the weights themselves.
    """
    change_OI = new_OI.double() - old_OI.double()
    allowed = _CLOSE * change_OI.norm() + _ROUNDING.get(new_OI.dtype, 2e-7) * new_OI.double().norm()
    small = min(change_OI.shape)
    for rank in [rank for rank in _RANKS if rank <= max(small // 2, 1)]:
        found = _truncated(change_OI, rank)
        if (change_OI - found.b_OR @ found.a_RI).norm() <= allowed:
            return LowRank(found.a_RI.to(new_OI.dtype), found.b_OR.to(new_OI.dtype))
    raise ModelError("convert.not_low_rank", name=name)


def widened(adapter: LowRank, rank: int) -> LowRank:
    """The same adapter with rows and columns of zeros up to `rank`."""
    more = rank - adapter.rank
    a_RI = torch.nn.functional.pad(adapter.a_RI, (0, 0, 0, more))
    b_OR = torch.nn.functional.pad(adapter.b_OR, (0, more))
    return LowRank(a_RI.contiguous(), b_OR.contiguous())


def _truncated(change_OI: torch.Tensor, rank: int) -> LowRank:
    """The best approximation of a rank; of a large matrix by a random projection with a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if min(change_OI.shape) <= 4 * rank:
            u_OR, s_R, v_RI = torch.linalg.svd(change_OI, full_matrices=False)
        else:
            u_OR, s_R, v_IR = torch.svd_lowrank(change_OI, q=2 * rank, niter=4)
            v_RI = v_IR.T
    root_R = s_R[:rank].sqrt()
    return LowRank(root_R[:, None] * v_RI[:rank], u_OR[:, :rank] * root_R)


def _scale(config: Mapping[str, object], name: str, a_RI: torch.Tensor) -> float:
    """Alpha over rank, or over its root; patterns name layers that have their own."""
    patterns = config.get("alpha_pattern")
    alpha = config.get("lora_alpha", 8)
    for pattern, value in (patterns if isinstance(patterns, dict) else {}).items():
        if re.search(rf"(.*\.)?({pattern})$", name):
            alpha = value
    rank = a_RI.shape[0]
    assert isinstance(alpha, int | float), json.dumps(alpha)
    return float(alpha) / (rank**0.5 if config.get("use_rslora") else rank)
