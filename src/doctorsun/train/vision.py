"""The objectives of `medical-vision`: facts, texts, a frozen teacher; through the layer LLaVA reads.

The heads and the text side serve training alone: they stay in the stage's folder.
Shapes: B pictures, N patches, D width of the encoder, K classes.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from doctorsun.core.errors import TrainError
from doctorsun.model.parts import Parts
from doctorsun.model.tuning import Group
from doctorsun.train.ahead import PixelsAhead
from doctorsun.train.answers import Reading
from doctorsun.train.contrast import ContrastHead
from doctorsun.train.distil import DistilHead, load_teacher
from doctorsun.train.facts import FactsHead, known_facts
from doctorsun.train.forward import read_pictures
from doctorsun.train.loop import Outcome
from doctorsun.train.recipe import StageConfig
from doctorsun.train.schedule import count_steps, picture_steps
from doctorsun.train.setting import Setting
from doctorsun.train.views import View
from doctorsun.train.whiten import whiten_patches

Chosen = tuple[str, int, int]
_EXAMPLES = 64


class Vision:
    """The weighted sum of the objectives that the stage switches on."""

    def __init__(
        self, parts: Parts, stage: StageConfig, *, groups: Sequence[Group], reading: Reading, setting: Setting
    ) -> None:
        self._model = parts.model
        self._stage = stage
        self._reading = reading
        self._setting = setting
        self._rows = reading.corpus.pictures()
        self._ahead = PixelsAhead(self._pixels, workers=stage.workers)
        self.total = count_steps(self.steps(), stage)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.seed)
            self._heads = self._make_heads(parts)
        self._heads.to(setting.compute.device)
        if stage.fit_start:
            self._whiten(parts)
        self.groups = [*groups, *_head_groups(self._heads, groups)]

    def steps(self) -> Iterator[list[Chosen]]:
        """The pictures of each step."""
        metas = self._reading.corpus.metas
        steps = picture_steps(self._rows, metas, self._stage, seed=self._setting.seed)
        return self._ahead.follow(steps, lambda step: [_views(step)])

    def backward(self, step: list[Chosen]) -> Outcome:
        """Add the gradients of one step."""
        self._model.train()
        pixels = self._ahead.pixels(_views(step)).to(self._setting.compute.device)
        weights = self._stage.objectives.model_dump()
        with self._setting.compute.autocast():
            features_BND = read_pictures(self._model, pixels).float()
            losses = {name: head(features_BND, step, pixels=pixels) for name, head in self._heads.items()}
            loss = torch.stack([weights[name] * value for name, value in losses.items()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        figures = {f"{name}_loss": value.item() for name, value in losses.items()}
        names = [name for name, _, _ in step]
        return Outcome(loss.item(), features_BND.shape[0] * features_BND.shape[1], names, figures=figures)

    def _pixels(self, views: tuple[View, ...]) -> Tensor:
        assert self._setting.pictures is not None
        return self._setting.pictures.pixels(views, self._stage.augment, seed=self._setting.seed)

    def validate(self) -> dict[str, float]:
        """Nothing: how good an encoder is shows in the stages that read it."""
        return {}

    def head_weights(self) -> dict[str, Tensor]:
        """The heads and the text side, by name."""
        return {name: tensor.detach().cpu() for name, tensor in self._heads.state_dict().items()}

    def _make_heads(self, parts: Parts) -> nn.ModuleDict:
        weights = self._stage.objectives
        width = _width(parts)
        heads: dict[str, nn.Module] = {}
        if weights.facts:
            known = known_facts(self._reading.corpus.entries, self._rows, seen=self._seen())
            if not known.classes:
                raise TrainError("train.no_facts", stage=self._stage.name or self._stage.kind)
            heads["facts"] = FactsHead(known, width=width, smoothing=weights.smoothing)
        if weights.contrastive:
            vocabulary = len(parts.processor.tokenizer)
            heads["contrastive"] = ContrastHead(self._reading, self._rows, width=width, vocabulary=vocabulary)
        if weights.distil:
            assert self._stage.teacher is not None and self._setting.pictures is not None
            teacher = load_teacher(self._stage.teacher, dtype=self._setting.compute.dtype)
            heads["distil"] = DistilHead(
                teacher, self._setting.pictures, width=width, batches=[*self._examples()]
            )
        if not heads:
            raise TrainError("train.no_objective", stage=self._stage.name or self._stage.kind)
        return nn.ModuleDict(heads)

    def _examples(self) -> Iterator[Tensor]:
        """`pixels_BCHW` of a few pictures of each source, unchanged; the same at every start."""
        assert self._setting.pictures is not None
        chosen: dict[str, list[str]] = {}
        for name in self._seen():
            source = self._reading.corpus.entries[self._rows[name][0]].source
            if len(chosen.setdefault(source, [])) < _EXAMPLES and name not in chosen[source]:
                chosen[source].append(name)
        for _, names in sorted(chosen.items()):
            views = [(name, 0) for name in names]
            pixels = self._setting.pictures.pixels(views, self._stage.augment, seed=self._setting.seed)
            yield pixels.to(self._setting.compute.device)

    def _whiten(self, parts: Parts) -> None:
        embeddings = parts.model.model.vision_tower.embeddings
        whiten_patches(embeddings.patch_embedding, torch.cat([*self._examples()]))

    def _seen(self) -> list[str]:
        """The pictures in the order of the first epoch (or of all steps, if they are fewer)."""
        first = self._stage.model_copy(update={"epochs": 1.0, "steps": None})
        metas = self._reading.corpus.metas
        steps = picture_steps(self._rows, metas, first, seed=self._setting.seed)
        return [name for step in steps for name, _, _ in step]


def _views(step: Sequence[Chosen]) -> tuple[View, ...]:
    return tuple((name, view) for name, view, _ in step)


def _width(parts: Parts) -> int:
    width: int = parts.model.model.multi_modal_projector.linear_1.in_features
    return width


def _head_groups(heads: nn.Module, groups: Sequence[Group]) -> list[Group]:
    """The learning parameters of the heads, at the encoder's rate."""
    lr = max(group.lr for group in groups)
    found = [(f"heads.{name}", p) for name, p in heads.named_parameters() if p.requires_grad]
    names, parameters = zip(*found, strict=True)
    return [Group("heads", names, parameters, lr, 0.0)]
