"""What a vision encoder says of itself to stand in a LLaVA; a family is a file in `encoders/`. No torch here.

LLaVA reads one hidden state and can drop its first token alone. So a class token may go, while registers
stay and count as features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from doctorsun.core.errors import ModelError
from doctorsun.core.plugins import find, names

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
BILINEAR, BICUBIC = 2, 3
# What cannot stand in a LLaVA, by `model_type`, and the sentence that says why and what carries it instead.
_REFUSED = {
    **dict.fromkeys(("siglip2", "siglip2_vision_model"), "model.vision_naflex"),
    **dict.fromkeys(
        ("convnext", "convnextv2", "dinov3_convnext", "swin", "swinv2", "hiera", "resnet", "bit"),
        "model.vision_no_tokens",
    ),
    "pixtral": "model.vision_pixtral",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionFamily:
    """One family of encoders.

    `types` are its names in a `config.json`; `config` and `model` the classes of transformers. A class token
    stands first if there is one, then as many registers as the configuration's key `registers` says.
    `mean`, `std` and `resample` hold where a folder's own preprocessor says nothing. `other_half` and
    `unread` start the keys of weights: those of a folder that are left out, and those that LLaVA never reads,
    which may be absent. `normed` if hidden state -1 has the last norm behind it. `positions` and `kernel` are
    the parameters of places and patches. `scratch` are settings of an encoder that starts from nothing.
    """

    title: str
    types: tuple[str, ...]
    config: str
    model: str
    class_token: bool
    registers: str | None = None
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD
    resample: int = BICUBIC
    other_half: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    positions: str | None
    kernel: str
    tools: tuple[str, ...] = ()
    scratch: Mapping[str, object] = field(default_factory=dict)
    mlp_ratio: bool = False

    def extra_tokens(self, config: Any) -> int:  # noqa: ANN401 - transformers has no types
        """How many tokens stand before the patches."""
        registers = int(getattr(config, self.registers)) if self.registers else 0
        return int(self.class_token) + registers

    def mlp(self, width: int, mlp: int) -> dict[str, int]:
        """The configuration's word for an MLP of `mlp` figures."""
        if not self.mlp_ratio:
            return {"intermediate_size": mlp}
        if mlp % width:
            raise ModelError("model.mlp_ratio", found=mlp, width=width, family=self.title)
        return {"mlp_ratio": mlp // width}

    def strategy(self, select: str | None, config: Any = None) -> str:  # noqa: ANN401
        """LLaVA's name of what is read: `default` drops the first token, `full` keeps all.

        ModelError if patches alone are wanted and there is no class token, or there are registers as well.
        """
        if select == "patches":
            if not self.class_token:
                raise ModelError("model.no_class_token")
            if self.registers and (config is None or self.extra_tokens(config) > 1):
                raise ModelError("model.registers_stay", found=self.title)
        return "default" if self.class_token and select != "all" else "full"


@cache
def _families() -> dict[str, VisionFamily]:
    """Every family by every `model_type` that brings it."""
    from doctorsun.model import encoders

    known = [family_named(name) for name in names(encoders)]
    return {model_type: family for family in known for model_type in family.types}


def family_named(name: str, *, where: str = "") -> VisionFamily:
    """The family of the file `name`; ConfigError names the near one."""
    from doctorsun.model import encoders

    family: VisionFamily = find(encoders, name, where=where).FAMILY
    return family


def family_for(model_type: str, *, where: object = "config.json") -> VisionFamily:
    """The family of a `model_type`; ModelError says what carries those that LLaVA cannot."""
    family = _families().get(model_type)
    if family is None:
        key = _REFUSED.get(model_type, "model.vision_kind")
        raise ModelError(key, where=where, found=model_type, expected=sorted(_families()))
    return family


def feature_count(config: Any, strategy: str) -> int:  # noqa: ANN401 - transformers has no types
    """How many vectors LLaVA's `strategy` leaves of one picture, by the encoder's configuration."""
    extra = family_for(str(config.model_type)).extra_tokens(config)
    return patch_side(config) ** 2 + extra - (strategy == "default")


def patch_side(config: Any) -> int:  # noqa: ANN401 - transformers has no types
    """How many patches stand in a row."""
    return square(config.image_size) // square(config.patch_size)


def square(size: Any) -> int:  # noqa: ANN401 - an int, or one for each side
    """The side of a size that is the same in height and width; ModelError if it is not."""
    sides = {int(size)} if isinstance(size, int) else {int(side) for side in size}
    if len(sides) != 1:
        raise ModelError("model.not_square", found=list(size))
    return sides.pop()
