"""Which weights of a model learn, and how: frozen, full or LoRA; and LoRA back into plain weights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from doctorsun.core.errors import ConfigError
from doctorsun.core.progress import reporter
from doctorsun.model.anatomy import PARTS, Anatomy, PartName, anatomy
from doctorsun.model.config import PartTuning, TuneConfig
from doctorsun.model.quantise import is_quantised, plain, quantise, unquantise

__all__ = ["Group", "PartTuning", "TuneConfig", "Tuned", "apply_tuning", "merge_tuning"]


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters of one part that learn alike; `names` are those in the model's state."""

    name: str
    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]
    lr: float
    weight_decay: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What learns in a model, and `dead`: the encoder's modules that nothing reads, so cannot learn."""

    groups: tuple[Group, ...]
    dead: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many figures learn."""
        return sum(parameter.numel() for group in self.groups for parameter in group.parameters)


def apply_tuning(model: nn.Module, config: TuneConfig, *, seed: int) -> Tuned:
    """Set what learns in `model`, adding LoRA layers where asked (their start is drawn from `seed`).

    ConfigError for targets and layers that the model has not. LoRA that can get no gradient is told by name.
    """
    body = anatomy(model)
    model.requires_grad_(False)
    groups: list[Group] = []
    for name in PARTS:
        part: PartTuning = getattr(config, name)
        reach = _reach(model, body, part, name=name)
        if part.mode in {"lora", "qlora"}:
            _add_lora(model, body, part, reach, name=name, seed=seed)
        groups.extend(_groups(model, body, part, reach, name=name))
    return Tuned(tuple(groups), body.behind)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where in a part a stage may change something: below one of `only`, if there are such, not `dead`."""

    only: tuple[str, ...]
    dead: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """Whether what stands at `path` may be changed."""
        return (not self.only or path.startswith(self.only)) and not path.startswith(self.dead)


def _reach(model: nn.Module, body: Anatomy, part: PartTuning, *, name: PartName) -> _Reach:
    dead = tuple(f"{path}." for path in body.behind)
    if part.mode == "frozen" or not isinstance(part.layers, tuple):
        return _Reach((), () if part.layers == "all" and part.mode != "full" else dead)
    if name == "projector":
        raise ConfigError("model.no_layer_range", part=name)
    layers = body.vision_layers if name == "vision" else body.language_layers
    first, stop = part.layers
    count = sum(1 for _ in model.get_submodule(layers).children())
    if stop > count:
        raise ConfigError("model.layer_range", part=name, found=f"{first}-{stop}", layers=count)
    only = tuple(f"{layers}.{number}." for number in range(first, stop))
    if all(path in dead for path in only):
        raise ConfigError(
            "model.dead_range", part=name, found=f"{first}-{stop}", names=", ".join(body.behind)
        )
    return _Reach(only, dead)


def merge_tuning(model: nn.Module) -> None:
    """Add every LoRA layer into the plain layer it stands on, which takes its place: plain weights again.

    Layers in 4 bits become plain first, so what was learnt is not rounded away.
    """
    for path, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, _merged(layer))
    unquantise(model)


def _merged(layer: LoraLayer) -> nn.Module:
    base: nn.Module = layer.get_base_layer()
    if not is_quantised(base):
        layer.merge(safe_merge=True)
        return base
    made = plain(base)
    for adapter in layer.active_adapters:
        made.weight.data += layer.get_delta_weight(adapter).to(made.weight)
    return made


def _add_lora(
    model: nn.Module, body: Anatomy, part: PartTuning, reach: _Reach, *, name: PartName, seed: int
) -> None:
    """Put LoRA on the linear layers of a part that are wanted, all its linear layers in 4 bits for qlora."""
    linear = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and body.part_of(path) == name and path != body.head
    ]
    wanted = [
        path
        for path in linear
        if reach.holds(path) and (not part.targets or path.rpartition(".")[2] in part.targets)
    ]
    if not wanted:
        known = sorted({path.rpartition(".")[2] for path in linear})
        raise ConfigError("model.no_targets", part=name, found=list(part.targets), expected=known)
    dead = [path for path in wanted if path.startswith(tuple(f"{one}." for one in body.behind))]
    if dead:
        reporter().note("model.lora_without_gradient", part=name, count=len(dead), names=_shown(dead))
    roots = {"vision": (body.vision,), "language": (body.language,), "projector": body.projectors}
    for root in roots[name]:
        if below := _below(root, wanted):
            if part.mode == "qlora":
                quantise(model.get_submodule(root), _below(root, linear))
            _inject(model.get_submodule(root), below, part, seed=seed)


def _below(root: str, paths: list[str]) -> list[str]:
    """The paths that lie below `root`, from there."""
    return [path.removeprefix(f"{root}.") for path in paths if path.startswith(f"{root}.")]


def _shown(paths: list[str]) -> str:
    return ", ".join(paths[:6]) + (", …" if paths[6:] else "")


def _inject(module: nn.Module, paths: list[str], part: PartTuning, *, seed: int) -> None:
    config = LoraConfig(
        r=part.rank,
        lora_alpha=part.alpha,
        lora_dropout=part.dropout,
        bias="none",
        target_modules="|".join(re.escape(path) for path in paths),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, module)
    module.train(module.training)  # the new layers' dropout comes switched on


def _groups(
    model: nn.Module, body: Anatomy, part: PartTuning, reach: _Reach, *, name: PartName
) -> Iterator[Group]:
    """The groups of one part: matrices with weight decay, biases, norms and embeddings of a class without."""
    if part.mode == "frozen" or part.lr is None:
        return
    found = [
        (path, parameter)
        for path, parameter in model.named_parameters()
        if body.part_of(path) == name and (reach.holds(path) if part.mode == "full" else ".lora_" in path)
    ]
    for _, parameter in found:
        parameter.requires_grad_(True)
    matrices = [(path, parameter) for path, parameter in found if parameter.ndim > 1]
    vectors = [(path, parameter) for path, parameter in found if parameter.ndim <= 1]
    for suffix, members, decay in (("", matrices, part.weight_decay), ("/no_decay", vectors, 0.0)):
        if members:
            names, parameters = zip(*members, strict=True)
            yield Group(f"{name}{suffix}", names, parameters, part.lr, decay)
