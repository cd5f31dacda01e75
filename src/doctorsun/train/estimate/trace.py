"""One step of a stage on fake tensors: the highest memory of each of its phases, in bytes.

A phase's peak grows by the same number of bytes with every layer that is like the others, so three short
models tell what a deep one takes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import LlavaConfig, LlavaForConditionalGeneration

from doctorsun.model.anatomy import anatomy
from doctorsun.model.config import TuneConfig
from doctorsun.model.tuning import Group, apply_tuning
from doctorsun.train.estimate.kernels import fused_attention, fused_products
from doctorsun.train.estimate.shapes import shape_of
from doctorsun.train.estimate.skeleton import make_fake, meta_model, with_layers
from doctorsun.train.estimate.tally import OPTIMIZER, Tally
from doctorsun.train.forward import read_pictures, weighted_loss
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.packing import Row, pack
from doctorsun.train.recipe import StageConfig
from doctorsun.train.recompute import recompute
from doctorsun.train.rounded import lower_weights

Bytes = Counter[tuple[str, ...]]
_SHALLOW = 2
_BYTES_IN_4_BITS = 0.5 + 1 / 64 + 4 / (64 * 256)  # NF4, a scale in 8 bits for 64 of them, one for 256 scales
_SLICE, _ROUNDED_BYTES = 2**22, 48  # weights rounded at a time, and what each takes in float32 and draws


@dataclass(frozen=True)
class Work:
    """What a stage does on one device at a time: a settled stage, and the rows (or pictures) of one pass.

    `features` says that the encoder's features come from the cache, `gpu` that attention is a GPU's.
    """

    stage: StageConfig
    rows: Sequence[Row]
    pictures: int = 0
    features: bool = False
    gpu: bool = False

    @property
    def bf16(self) -> bool:
        """Whether products are computed in bf16."""
        return self.stage.precision == "bf16" or self.stage.weights != "fp32"


def trace(config: LlavaConfig, work: Work) -> Bytes:
    """Bytes by (kind, phase, scope) of one pass; a deep model is told from three shallow ones."""
    eyes, words = config.vision_config.num_hidden_layers, config.text_config.num_hidden_layers
    unread = eyes - shape_of(config).vision.layers
    small_eyes, small_words = min(eyes, _SHALLOW + unread), min(words, _SHALLOW)
    found = trace_whole(with_layers(config, vision=small_eyes, language=small_words), work)
    total = Counter(found)
    for more, vision, language in ((eyes - small_eyes, 1, 0), (words - small_words, 0, 1)):
        if more:
            deeper = with_layers(config, vision=small_eyes + vision, language=small_words + language)
            other = trace_whole(deeper, work)
            for key in {*found, *other}:
                total[key] += more * (other[key] - found[key])
    return total


def trace_whole(config: LlavaConfig, work: Work) -> Bytes:
    """The same of a model as deep as it is: slower."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    model = meta_model(config, dtype=torch.float32)
    tuned = apply_tuning(model, _without_4_bits(work.stage), seed=0)
    if work.stage.weights != "fp32":
        lower_weights(model)
    recompute(model, work.stage.checkpointing)
    make_fake(model, mode)
    found = dict(model.named_parameters())
    groups = [replace(group, parameters=tuple(found[name] for name in group.names)) for group in tuned.groups]
    with mode:
        model.train()
        tally = Tally(model)
        marks = _Marks(model, tally)
        attention: AbstractContextManager[None] = fused_attention() if work.gpu else fused_products()
        with tally, attention:
            with torch.autocast("cpu", torch.bfloat16, enabled=work.bf16):
                loss = _loss(model, work, tally)
            marks.backward = tally.backward = True
            loss.backward()  # type: ignore[no-untyped-call]
            tally.backward = False
            del loss
            total = _step(groups, work.stage, tally)
        tally.close()
        marks.close()
    for kind, peaks in (("whole", tally.peaks), ("bare", tally.bare)):
        for phase, peak in peaks.items():
            for scope, size in peak.parts.items():
                total["peak", kind, phase, scope] += size
    return total + _weights(model, work.stage)


def _loss(model: LlavaForConditionalGeneration, work: Work, tally: Tally) -> Tensor:
    stage = work.stage
    features_PND = None
    side, width = model.config.vision_config.image_size, model.config.vision_config.hidden_size
    tokens = shape_of(model.config).vision.features
    if stage.kind == "medical-vision":
        tally.enter("vision", "vision")
        return read_pictures(model, torch.empty(work.pictures, 3, side, side)).float().mean()
    packed = pack(work.rows, image_tokens=tokens, room=len(work.rows) * stage.row_tokens)
    if packed.views:
        tally.enter("vision", "vision")
        if work.features:
            dtype = torch.bfloat16 if work.bf16 else torch.float32
            features_PND = torch.empty(len(packed.views), tokens, width, dtype=dtype)
        else:
            distinct = sorted(set(packed.views))
            features = read_pictures(model, torch.empty(len(distinct), 3, side, side))
            features_PND = features[torch.tensor([distinct.index(view) for view in packed.views])]
            del features
    tally.enter("language", "language")
    weights_T = torch.ones(len(packed.targets_T))
    loss, _ = weighted_loss(model, packed, features_PND, weights_T=weights_T, dropout=stage.dropout)
    return loss


def _step(groups: Sequence[Group], stage: StageConfig, tally: Tally) -> Bytes:
    """The optimizer's step: its state for good, and what it needs beside that for a moment."""
    tally.enter("step", OPTIMIZER)
    parameters = [one for group in groups for one in group.parameters]
    nn.utils.clip_grad_norm_(parameters, stage.clip)
    if stage.weights == "bf16_stochastic":  # its draws need true numbers; two moments in bf16 are kept
        slice_of = min(_SLICE, max(one.numel() for one in parameters))
        moment = torch.empty(slice_of * _ROUNDED_BYTES, dtype=torch.uint8)
        del moment
        return Counter({("state",): sum(2 * one.nbytes for one in parameters)})
    optimizers = Optimizers(groups, stage)
    optimizers.step()
    return Counter({("state",): sum(t.nbytes for one in optimizers.state.values() for t in one.values())})


def _weights(model: nn.Module, stage: StageConfig) -> Bytes:
    """Bytes of weights and gradients by part, of those within layers, and what 4 bits save."""
    found: Bytes = Counter()
    body = anatomy(model)
    in_layers = (f"{body.vision_layers}.", f"{body.language_layers}.")
    for name, parameter in model.named_parameters():
        part = body.part_of(name) or "language"
        found["weights", part] += parameter.nbytes
        found["layers", part] += parameter.nbytes * name.startswith(in_layers)
        first = name.startswith((f"{body.vision_layers}.0.", f"{body.language_layers}.0."))
        found["deepest", part] += parameter.nbytes * first
        if parameter.requires_grad:
            found["gradients", part] += parameter.nbytes
        if getattr(stage, part).mode == "qlora" and name.endswith("base_layer.weight"):
            found["saved", part] += parameter.nbytes - round(parameter.numel() * _BYTES_IN_4_BITS)
    return found


class _Marks:
    """Tells the tally when a step comes to its head and to the backward pass of the outermost layers."""

    def __init__(self, model: nn.Module, tally: Tally) -> None:
        self.backward = False
        self._tally = tally
        body = anatomy(model)
        self._hooks = []
        for part, path in (("vision", body.vision_layers), ("language", body.language_layers)):
            for number, layer in enumerate(model.get_submodule(path).children()):
                phase = f"{part} back, {'above' if number else 'first'}"
                self._hooks.append(layer.register_forward_hook(self._mark(phase)))
        language = model.get_submodule(body.language)
        self._hooks.append(language.register_forward_hook(self._head))

    def close(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()

    def _mark(self, phase: str) -> Callable[..., None]:
        def after(_module: nn.Module, _inputs: object, output: Any) -> None:  # noqa: ANN401 - any output
            hidden = output[0] if isinstance(output, tuple) else output
            if not self.backward and hidden.requires_grad:
                hidden.register_hook(lambda _: self._tally.enter(phase, "passing"))

        return after

    def _head(self, *_: object) -> None:
        if not self.backward:
            self._tally.enter("head", "logits")


def _without_4_bits(stage: StageConfig) -> TuneConfig:
    """The stage's tuning with plain layers below LoRA: what 4 bits save is subtracted afterwards."""
    parts = {name: getattr(stage.tune, name) for name in ("vision", "projector", "language")}
    return TuneConfig(
        **{
            name: part.model_copy(update={"mode": "lora"}) if part.mode == "qlora" else part
            for name, part in parts.items()
        }
    )
