"""A model spread over ranks by FSDP2, layer by layer; no rank ever holds all of it but the first, on its CPU.

Every rank builds the model without weights (on PyTorch's meta device); the first one reads them and deals
each tensor out.
"""

import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from doctorsun.core.errors import ConfigError
from doctorsun.model.anatomy import anatomy
from doctorsun.model.tuning import Group
from doctorsun.train.parallel.config import ParallelConfig
from doctorsun.train.parallel.team import Root
from doctorsun.train.parallel.world import World, lost_ranks


def mesh_of(world: World, config: ParallelConfig) -> DeviceMesh:
    """The ranks in a line, or for "hybrid" copies x the ranks that hold one; ConfigError names the key."""
    kind = world.device.type
    if config.shard == "full":
        return init_device_mesh(kind, (world.size,), mesh_dim_names=("shard",))
    ranks = config.copy_ranks or _on_one_machine(world)
    if world.size % ranks:
        raise ConfigError("train.copy_ranks", found=ranks, size=world.size)
    return init_device_mesh(kind, (world.size // ranks, ranks), mesh_dim_names=("copy", "shard"))


def shard(model: nn.Module, mesh: DeviceMesh, *, whole: Sequence[str] = ()) -> Root:
    """Spread the weights of a model without any, but those below the paths `whole`, which each rank keeps."""
    parts = anatomy(model)
    kept = tuple(f"{path}." for path in whole)
    ignored = {parameter for name, parameter in model.named_parameters() if name.startswith(kept or ("\0",))}
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    for path in (parts.vision_layers, parts.language_layers):
        if not path.startswith(kept or ("\0",)):
            for layer in cast(nn.ModuleList, model.get_submodule(path)):
                fully_shard(layer, mesh=mesh, mp_policy=policy)
    root = Root(model)
    fully_shard(root, mesh=mesh, mp_policy=policy, ignored_params=ignored)
    for module in root.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)  # losses are divided by what the whole step holds
            module.set_force_sum_reduction_for_comms(True)
    return root


def fill(root: Root, source: nn.Module | None, world: World) -> None:
    """Give a sharded model without weights those of `source`, which the main rank alone has."""
    model = root.model
    root.to_empty(device=world.device)
    model.tie_weights()  # type: ignore[operator]  # each of a pair was made anew
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=True)
    with lost_ranks():
        set_model_state_dict(model, source.state_dict() if source is not None else {}, options=options)
        for name, buffer in model.named_buffers():
            if source is not None:
                buffer.copy_(source.get_buffer(name))
            distributed.broadcast(buffer, src=0)


def rebound(groups: Sequence[Group], model: nn.Module) -> tuple[Group, ...]:
    """The groups with the parameters that their names mean now: sharding has put new ones in their place."""
    return tuple(
        replace(group, parameters=tuple(model.get_parameter(name) for name in group.names))
        for group in groups
    )


def gathered(groups: Sequence[Group], world: World) -> dict[str, Tensor]:
    """The whole tensors of what learns, on the main rank's CPU; nothing on the others."""
    found: dict[str, Tensor] = {}
    with lost_ranks():
        pairs = [pair for group in groups for pair in zip(group.names, group.parameters, strict=True)]
        for name, parameter in pairs:
            tensor = parameter.detach()
            full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            if world.is_main:
                found[name] = full.cpu()
    return found


def _on_one_machine(world: World) -> int:
    """How many ranks share this one's machine."""
    return world.gather(platform.node()).count(platform.node())
