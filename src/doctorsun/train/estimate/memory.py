"""What one device holds at the highest point of a step, by part, for one device or many."""

from collections import Counter
from dataclasses import dataclass

from transformers import LlavaConfig

from doctorsun.train.estimate.flops import Load
from doctorsun.train.estimate.layout import Layout
from doctorsun.train.estimate.tally import CASTS, GRADIENTS, OPTIMIZER
from doctorsun.train.estimate.trace import Bytes, Work, trace
from doctorsun.train.recipe import StageConfig

PARTS = (
    "weights",
    "gradients",
    "optimizer",
    "casts",
    "vision",
    "image_tokens",
    "text_tokens",
    "logits",
    "passing",
    "gathered",
)


@dataclass(frozen=True)
class Memory:
    """Bytes by part at the highest point of a step, which is in phase `at`.

    `stored` are the bytes of all weights, `state` those of what learns and of its optimizer. `casts` are
    copies of weights in the precision of the products, `passing` what comes and goes in the backward pass,
    `gathered` the layers that a device has whole for a moment where weights are spread.
    """

    parts: dict[str, int]
    at: str
    stored: int
    state: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Spread:
    """Over how many devices a stage runs, and over how many of them its weights are spread (1: none)."""

    devices: int = 1
    shards: int = 1
    gpu: bool = True


def memory_of(config: LlavaConfig, stage: StageConfig, layout: Layout, spread: Spread) -> Memory:
    """The memory of a stage on one device: the longest of its passes, all of its phases looked at."""
    rows, passes = layout.one_pass(stage, spread.devices)
    cached = stage.vision.mode == "frozen" and stage.kind != "medical-vision"
    pictures = -(-layout.pictures // spread.devices)
    traced = trace(config, Work(stage, rows, pictures, features=cached, gpu=spread.gpu))
    kind = "bare" if passes > 1 else "whole"
    phases: dict[str, Counter[str]] = {}
    for key, size in traced.items():
        if key[:2] == ("peak", kind):
            phases.setdefault(key[2], Counter())[key[3]] += size
    fixed = _fixed(traced, stage, spread)
    gradients = _sum(traced, "gradients")
    if passes > 1:
        for phase in phases.values():
            phase[GRADIENTS] = gradients
    for phase in phases.values():
        phase[GRADIENTS] //= spread.shards
    state = traced["state",]
    if "step" in phases:  # what the optimizer keeps is there all the time, not in its step alone
        phases["step"][OPTIMIZER] = max(0, phases["step"][OPTIMIZER] - state) // spread.shards
    at = max(phases, key=lambda phase: sum(phases[phase].values()))
    parts = fixed + _named(phases[at], Layout(rows).load, image_tokens=_image_tokens(layout))
    stored = _sum(traced, "weights")
    return Memory({name: int(parts[name]) for name in PARTS}, at, stored, gradients + state)


def _fixed(traced: Bytes, stage: StageConfig, spread: Spread) -> Counter[str]:
    """What stands all through a step: weights, the optimizer's state, and what spreading them needs."""
    weights = {part: traced["weights", part] - traced["saved", part] for part in _parts(traced)}
    # A frozen encoder is read before training, so every device keeps it whole.
    whole = weights.get("vision", 0) if stage.vision.mode == "frozen" and spread.shards > 1 else 0
    found = Counter({"weights": whole + (sum(weights.values()) - whole) // spread.shards})
    found["optimizer"] = traced["state",] // spread.shards
    if spread.shards > 1:
        layers = sum(traced["layers", part] for part in _parts(traced))
        outside = sum(traced["weights", part] for part in _parts(traced)) - layers - whole
        deepest = max(traced["deepest", part] for part in _parts(traced))
        found["gathered"] = (
            max(0, outside) + 2 * deepest + 2 * deepest
        )  # weights ahead; gradients, and summed
    return found


def _named(phase: Counter[str], load: Load, *, image_tokens: int) -> Counter[str]:
    """The scopes of a phase under the names that a table shows."""
    found = Counter({"gradients": phase[GRADIENTS], "casts": phase[CASTS], "logits": phase["logits"]})
    found["vision"] = phase["vision"]
    found["passing"] = phase["passing"] + phase[OPTIMIZER]
    images = min(1.0, load.pictures * image_tokens / load.tokens) if load.tokens else 0.0
    found["image_tokens"] = round(phase["language"] * images)
    found["text_tokens"] = phase["language"] - found["image_tokens"]
    return found


def _image_tokens(layout: Layout) -> int:
    pieces = (piece for row in layout.rows for piece in row.pieces if piece.pictures)
    found = next(pieces, None)
    return (found.prefix - found.starts[-1]) if found else 0


def _parts(traced: Bytes) -> list[str]:
    return [key[1] for key in traced if key[0] == "weights"]


def _sum(traced: Bytes, kind: str) -> int:
    return sum(size for key, size in traced.items() if key[0] == kind)
