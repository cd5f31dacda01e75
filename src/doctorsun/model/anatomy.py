"""Where the parts of an image-text model are: one entry a family, so that a newcomer is added in one place.

Paths are transformers' own, as `get_submodule` takes them. A family is known by its `model_type`.
"""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from doctorsun.core.errors import ModelError

PartName = Literal["vision", "projector", "language"]
PARTS: tuple[PartName, ...] = ("vision", "projector", "language")


@dataclass(frozen=True, slots=True)
class Family:
    """What the classes of one `model_type` call their parts.

    `reads` says what the projector is given: the hidden state that the configuration names (`layer`), the
    encoder's last state with its last norm (`last`), states of many depths (`all`); with `last_is_normed`
    hidden state -1 means the last state with its norm.
    """

    vision: str = "model.vision_tower"
    projectors: tuple[str, ...] = ("model.multi_modal_projector",)
    language: str = "model.language_model"
    head: str = "lm_head"
    reads: Literal["layer", "last", "all"] = "last"
    last_is_normed: bool = False


_QWEN = ("model.visual.merger", "model.visual.deepstack_merger_list")
FAMILIES = {
    "llava": Family(reads="layer"),
    "llava_onevision": Family(
        projectors=("model.multi_modal_projector", "model.image_newline"), reads="layer"
    ),
    "gemma3": Family(),
    "internvl": Family(reads="layer", last_is_normed=True),
    "qwen2_5_vl": Family(vision="model.visual", projectors=_QWEN[:1], reads="all"),
    "qwen3_vl": Family(vision="model.visual", projectors=_QWEN, reads="all"),
}


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The paths of a model's parts; `projectors` may lie within `vision`, and may be single parameters.

    `vision_layers` and `language_layers` are the lists of layers; `behind` are the encoder's modules that the
    projector never reads, so that nothing they hold can learn.
    """

    vision: str
    projectors: tuple[str, ...]
    language: str
    head: str
    vision_layers: str
    language_layers: str
    behind: tuple[str, ...]

    @property
    def projector(self) -> str:
        """The path of the projector, of the first where there are several."""
        return self.projectors[0]

    def part_of(self, name: str) -> PartName | None:
        """The part that a parameter belongs to, by its name in the model; the head is the language's."""
        if any(_within(name, path) for path in self.projectors):
            return "projector"
        if _within(name, self.vision):
            return "vision"
        return "language" if _within(name, self.language) or _within(name, self.head) else None


def anatomy(model: nn.Module) -> Anatomy:
    """The anatomy of an image-text model; ModelError names those known if it is of another family."""
    config: Any = model.config
    family = family_of(str(config.model_type), found=type(model).__name__)
    vision_layers = _layers(model, family.vision, config.vision_config)
    return Anatomy(
        vision=family.vision,
        projectors=family.projectors,
        language=family.language,
        head=family.head,
        vision_layers=vision_layers,
        language_layers=_layers(model, family.language, config.text_config),
        behind=tuple(_behind(model, family, vision_layers)),
    )


def family_of(model_type: str, *, found: str = "") -> Family:
    """The family of a `model_type`; ModelError names those known if it is none of them."""
    if model_type not in FAMILIES:
        raise ModelError("model.unknown_family", found=found or model_type, expected=sorted(FAMILIES))
    return FAMILIES[model_type]


def layer_count(config: Any) -> int:  # noqa: ANN401 - transformers has no types
    """How many layers the configuration of an encoder or of a language model names."""
    count: int = getattr(config, "num_hidden_layers", None) or config.depth
    return count


def _within(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def _layers(model: nn.Module, path: str, config: object) -> str:
    """The path of the list of layers below `path`: the first list as long as the configuration says."""
    count = layer_count(config)
    for name, module in model.get_submodule(path).named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return f"{path}.{name}"
    raise ModelError("model.no_layers", found=path, layers=count)


def _behind(model: nn.Module, family: Family, layers: str) -> list[str]:
    """The encoder's modules behind the last state that the projector reads."""
    config: Any = model.config
    if family.reads == "all":
        return []
    vision = model.get_submodule(family.vision)
    holding = [name for name, child in vision.named_children() if any(True for _ in child.parameters())]
    at = layers.removeprefix(f"{family.vision}.").partition(".")[0]
    after = [f"{family.vision}.{name}" for name in holding[holding.index(at) + 1 :]]
    chosen = config.vision_feature_layer if family.reads == "layer" else -1
    if family.reads == "last" or (family.last_is_normed and chosen == -1):
        return [path for path in after if path.endswith((".head", ".pooler"))]
    count = layer_count(config.vision_config)
    read = [chosen] if isinstance(chosen, int) else chosen
    first = max(layer if layer >= 0 else count + 1 + layer for layer in read)
    return [*(f"{layers}.{number}" for number in range(first, count)), *after]
