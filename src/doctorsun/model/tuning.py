"""Which weights of a LLaVA learn, and how: frozen, full or LoRA; and LoRA back into plain weights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import LlavaForConditionalGeneration

from doctorsun.core.errors import ConfigError
from doctorsun.model.config import PartTuning, TuneConfig
from doctorsun.model.quantise import is_quantised, plain, quantise, unquantise

__all__ = ["Group", "PartTuning", "TuneConfig", "Tuned", "apply_tuning", "merge_tuning", "parts_of"]

PartName = Literal["vision", "projector", "language"]
_LAYER = re.compile(r"^encoder\.layers\.(\d+)\.")
_BEHIND_LAYERS = ("post_layernorm.", "head.")


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
    """What learns in a model, and `dead`: the encoder's modules that LLaVA never reads, so cannot learn."""

    groups: tuple[Group, ...]
    dead: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many figures learn."""
        return sum(parameter.numel() for group in self.groups for parameter in group.parameters)


def parts_of(model: LlavaForConditionalGeneration) -> dict[PartName, tuple[nn.Module, ...]]:
    """The modules of each part; the output layer belongs to the language model."""
    return {
        "vision": (model.model.vision_tower,),
        "projector": (model.model.multi_modal_projector,),
        "language": (model.model.language_model, model.lm_head),
    }


def apply_tuning(model: LlavaForConditionalGeneration, config: TuneConfig, *, seed: int) -> Tuned:
    """Set what learns in `model`, adding LoRA layers where asked (their start is drawn from `seed`)."""
    tuning: dict[PartName, PartTuning] = {
        "vision": config.vision,
        "projector": config.projector,
        "language": config.language,
    }
    dead = dead_modules(model)
    model.requires_grad_(False)
    groups: list[Group] = []
    for name, modules in parts_of(model).items():
        part = tuning[name]
        if part.mode in {"lora", "qlora"}:
            skipped = dead if name == "vision" and part.layers == "live" else ()
            _add_lora(modules[0], part, name=name, skipped=skipped, seed=seed)
        groups.extend(_groups(model, modules, part, name=name, dead=dead))
    return Tuned(tuple(groups), dead)


def merge_tuning(model: LlavaForConditionalGeneration) -> None:
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


def dead_modules(model: LlavaForConditionalGeneration) -> tuple[str, ...]:
    """The encoder's modules behind the hidden state that LLaVA reads, by their names within the encoder."""
    layers = model.config.vision_config.num_hidden_layers
    chosen = model.config.vision_feature_layer
    read = [chosen] if isinstance(chosen, int) else chosen
    first = max(layer if layer >= 0 else layers + 1 + layer for layer in read)
    children = [name for name, _ in model.model.vision_tower.named_children()]
    behind = [name.removesuffix(".") for name in _BEHIND_LAYERS if name.removesuffix(".") in children]
    return (*(f"encoder.layers.{number}" for number in range(first, layers)), *behind)


def _add_lora(module: nn.Module, part: PartTuning, *, name: str, skipped: tuple[str, ...], seed: int) -> None:
    if part.mode == "qlora":
        quantise(module)
    linear = [path for path, child in module.named_modules() if isinstance(child, nn.Linear)]
    wanted = [
        path
        for path in linear
        if not path.startswith(tuple(f"{prefix}." for prefix in skipped) or ("\0",))
        and (not part.targets or path.rpartition(".")[2] in part.targets)
    ]
    if not wanted:
        known = sorted({path.rpartition(".")[2] for path in linear})
        raise ConfigError("model.no_targets", part=name, found=list(part.targets), expected=known)
    config = LoraConfig(
        r=part.rank,
        lora_alpha=part.alpha,
        lora_dropout=part.dropout,
        bias="none",
        target_modules="|".join(re.escape(path) for path in wanted),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, module)
    module.train(module.training)  # the new layers' dropout comes switched on


def _groups(
    model: LlavaForConditionalGeneration,
    modules: tuple[nn.Module, ...],
    part: PartTuning,
    *,
    name: PartName,
    dead: tuple[str, ...],
) -> Iterator[Group]:
    """The groups of one part: matrices with weight decay, biases, norms and embeddings of a class without."""
    if part.mode == "frozen" or part.lr is None:
        return
    mine = {id(parameter) for parameter in _learning(modules, part, dead=dead if name == "vision" else ())}
    found = [(path, parameter) for path, parameter in model.named_parameters() if id(parameter) in mine]
    for _, parameter in found:
        parameter.requires_grad_(True)
    matrices = [(path, parameter) for path, parameter in found if parameter.ndim > 1]
    vectors = [(path, parameter) for path, parameter in found if parameter.ndim <= 1]
    for suffix, members, decay in (("", matrices, part.weight_decay), ("/no_decay", vectors, 0.0)):
        if members:
            names, parameters = zip(*members, strict=True)
            yield Group(f"{name}{suffix}", names, parameters, part.lr, decay)


def _learning(
    modules: tuple[nn.Module, ...], part: PartTuning, *, dead: tuple[str, ...]
) -> Iterator[nn.Parameter]:
    behind = tuple(f"{prefix}." for prefix in dead) or ("\0",)
    for module in modules:
        for path, parameter in module.named_parameters():
            if part.mode == "full":
                if not path.startswith(behind):
                    yield parameter
            elif ".lora_" in path:
                yield parameter
