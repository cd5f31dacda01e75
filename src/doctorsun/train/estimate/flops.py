"""How many floating-point operations a step asks for: two a multiplied weight, forward, backward, recomputed.

Counted are the matrix products of encoder, projector, decoder, output layer, adapters and attention; what is
computed point by point is not. For MFU leave `recompute` off: work that is done twice is no use twice.
"""

from dataclasses import dataclass

from doctorsun.model.config import PartTuning
from doctorsun.train.estimate.shapes import LanguageShape, ModelShape, VisionShape, shape_of
from doctorsun.train.recipe import StageConfig

_MULTIPLY_ADD = 2


@dataclass(frozen=True, slots=True)
class Load:
    """What one optimizer step reads on all devices.

    `tokens` are those of all rows, image tokens with them, padding left out; `pictures` those whose features
    are projected, `encoded` those that run through the encoder (null: all, or none where it is frozen, since
    its features are cached); `learnt` the tokens with a loss, for only they meet the output layer; `pairs`
    the sum over the tokens of how many each one sees.
    """

    tokens: int
    pictures: int
    learnt: int = 0
    pairs: float = 0.0
    encoded: int | None = None


def step_flops(
    model_config: object,
    stage: StageConfig,
    *,
    tokens: int,
    pictures: int,
    learnt: int = 0,
    pairs: float = 0.0,
) -> float:
    """Operations of one optimizer step over all devices, without what checkpointing computes again.

    `model_config` is a LLaVA's configuration (transformers' object, or the tree of its config.json) or a
    `ModelShape`; the rest is as in `Load`. What is not told is not counted: an MFU is never flattered.
    """
    load = Load(tokens, pictures, learnt, pairs)
    return sum(parts_flops(model_config, stage, load).values())


def parts_flops(
    model_config: object, stage: StageConfig, load: Load, *, recompute: bool = False
) -> dict[str, float]:
    """The operations of one step by part; `recompute` adds what checkpointing does again."""
    shape = model_config if isinstance(model_config, ModelShape) else shape_of(model_config)
    encoded = load.encoded
    if encoded is None:
        encoded = 0 if stage.vision.mode == "frozen" else load.pictures
    twice = set(checkpointed(stage)) if recompute else set[str]()
    seen = encoded * shape.vision.tokens
    eyes = _passes(stage.vision, flows=False, again="vision" in twice)
    # A frozen decoder still carries gradients down to what learns below it.
    below = bool(load.pictures) and (stage.projector.mode != "frozen" or stage.vision.mode != "frozen")
    words = _passes(stage.language, flows=below, again="language" in twice)
    joint = _passes(stage.projector, flows=stage.vision.mode != "frozen", again=False)
    joint *= stage.kind != "medical-vision"
    head = 2 + (stage.language.mode == "full")
    sight = _products(eyes, stage.vision) * seen * shape.vision.tokens
    attention = _products(words, stage.language) * load.pairs * shape.language.queries
    return {
        "vision": _MULTIPLY_ADD * eyes * seen * _vision_weights(shape.vision),
        "projector": _MULTIPLY_ADD * joint * load.pictures * shape.vision.features * _projector(shape),
        "language": _MULTIPLY_ADD * words * load.tokens * _language_weights(shape.language),
        "attention": 2 * _MULTIPLY_ADD * sight * shape.vision.width * shape.vision.layers
        + 2 * _MULTIPLY_ADD * attention * shape.language.layers,
        "head": _MULTIPLY_ADD * float(head) * load.learnt * shape.language.width * shape.language.vocabulary,
        "adapters": 3.0 * _MULTIPLY_ADD * _adapters(shape, stage, seen=seen, tokens=load.tokens),
    }


def mfu(flops: float, *, seconds: float, tflops: float, devices: int = 1) -> float:
    """The share (0..1) of the devices' peak, `tflops` each in the precision used, that was put to use."""
    return flops / (seconds * tflops * 1e12 * devices)


def checkpointed(stage: StageConfig) -> tuple[str, ...]:
    """The parts whose activations are computed again in the backward pass."""
    return tuple(getattr(stage, "checkpointing", ()))


def _passes(part: PartTuning, *, flows: bool, again: bool) -> float:
    """How often a weight is multiplied: forward, for the gradient of what goes in, for its own gradient."""
    learns = part.mode != "frozen"
    backward = int(learns or flows) + int(part.mode == "full")
    return 1.0 + backward + (1.0 if again and backward else 0.0)


def _products(passes: float, part: PartTuning) -> float:
    """How often the two products of attention are computed: neither side is a weight, so both have gradients.

    Forward once, backward twice.
    """
    forward_only = passes <= 1
    full = part.mode == "full"
    return passes if forward_only or full else passes + 1


def _vision_weights(shape: VisionShape) -> float:
    layer = 4 * shape.width**2 + 2 * shape.width * shape.mlp
    return float(shape.layers * layer + shape.patch * shape.width)


def _language_weights(shape: LanguageShape) -> float:
    layer = shape.width * (2 * shape.queries + 2 * shape.keys) + shape.matrices * shape.width * shape.mlp
    return float(shape.layers * layer)


def _projector(shape: ModelShape) -> float:
    return float(shape.vision.width * shape.language.width + shape.language.width**2)


def _adapters(shape: ModelShape, stage: StageConfig, *, seen: int, tokens: int) -> float:
    """Weights of LoRA layers times the tokens that pass them."""
    vision, language = shape.vision, shape.language
    eyes = {name: (vision.width, vision.width) for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
    eyes |= {"fc1": (vision.width, vision.mlp), "fc2": (vision.mlp, vision.width)}
    words = {"q_proj": (language.width, language.queries), "o_proj": (language.queries, language.width)}
    words |= {name: (language.width, language.keys) for name in ("k_proj", "v_proj")}
    words |= {name: (language.width, language.mlp) for name in ("gate_proj", "up_proj", "down_proj")}
    return seen * vision.layers * _ranks(eyes, stage.vision) + tokens * language.layers * _ranks(
        words, stage.language
    )


def _ranks(linear: dict[str, tuple[int, int]], part: PartTuning) -> float:
    if part.mode not in {"lora", "qlora"}:
        return 0.0
    return float(
        sum(
            part.rank * (a + b) for name, (a, b) in linear.items() if not part.targets or name in part.targets
        )
    )
