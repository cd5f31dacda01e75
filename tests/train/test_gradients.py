"""The lean step computes what a plain transformers step computes."""

import copy
from pathlib import Path

import pytest
import torch

from doctorsun.data.dataset import open_dataset
from doctorsun.model.assemble import assemble
from doctorsun.model.parts import Parts
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.tuning import apply_tuning
from doctorsun.train.answers import Answers, Reading
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.device import Compute
from doctorsun.train.features import FeatureStore
from doctorsun.train.frozen import frozen_features
from doctorsun.train.packing import Group, Piece, Row
from doctorsun.train.recipe import Recipe, StageConfig
from doctorsun.train.setting import Setting
from doctorsun.train.views import PictureStore
from tests.train.small import align_stage, instruct_stage, recipe, write_dataset


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Recipe, Parts, Corpus, PictureStore]:
    folder = tmp_path_factory.mktemp("gradients")
    data = write_dataset(folder / "data")
    full = recipe(data, instruct_stage())
    rows = open_dataset(data).rows("train")
    corpus = Corpus.of_rows(rows)
    texts = [message.text for entry in corpus.entries for message in entry.messages]
    parts = assemble(full.model, train_tokenizer(texts, size=512), seed=1)
    store = PictureStore.build(rows.pictures(), folder / "pictures", parts.pictures, sources={})
    return full, parts, corpus, store


def objective(made, folder: Path, **stage: object) -> Answers:
    full, parts, corpus, store = made
    parts = Parts(copy.deepcopy(parts.model), parts.processor, parts.encoder, parts.pictures)
    config = StageConfig.model_validate({**align_stage(), "augment": {}, **stage})
    groups = apply_tuning(parts.model, config.tune, seed=0).groups
    setting = Setting(Compute(config), 5, pictures=store)
    if config.vision.mode == "frozen":
        kept = FeatureStore(folder, limit=10**9)
        setting = Setting(setting.compute, 5, store, frozen_features(parts, config, setting, kept))
    pieces = Pieces(corpus, parts.encoder, context=256, supervise=config.supervise, text_only=False)
    return Answers(
        parts, config, groups=groups, training=Reading(corpus, pieces), validation=None, setting=setting
    )


def plain_gradients(made, pieces: list[Piece], names: set[str]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of transformers' own class on a padded batch with every token's logits."""
    _, parts, _, store = made
    model = copy.deepcopy(parts.model).train()
    length = max(len(piece.ids) for piece in pieces)
    ids = torch.zeros(len(pieces), length, dtype=torch.long)
    real = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, piece in enumerate(pieces):
        known = torch.from_numpy(piece.ids).long()
        ids[row, : len(known)], real[row, : len(known)] = known, 1
        labels[row, : len(known)] = torch.where(torch.from_numpy(piece.learnt), known, -100)
    views = [(name, 0) for piece in pieces for name in piece.pictures]
    pixels = store.pixels(views, StageConfig.model_validate(align_stage()).augment, seed=0)
    loss = model(input_ids=ids, attention_mask=real, labels=labels, pixel_values=pixels, use_cache=False).loss
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if name in names}


def first_step(learner: Answers) -> list[Row]:
    return next(iter(learner.steps()))


def compare(made, learner: Answers, step: list[Row]) -> None:
    outcome = learner.backward(step)
    ours = {
        name: p.grad
        for group in learner.groups
        for name, p in zip(group.names, group.parameters, strict=True)
    }
    loss, theirs = plain_gradients(made, [piece for row in step for piece in row.pieces], set(ours))
    assert outcome.loss == pytest.approx(loss, rel=1e-6)
    assert ours.keys() == theirs.keys()
    whole = torch.stack([gradient.norm() for gradient in theirs.values()]).norm()
    for name, gradient in ours.items():
        assert gradient is not None, name
        if name.endswith("k_proj.bias"):  # softmax does not see it: its gradient is nought but for rounding
            assert gradient.norm() < 1e-6 * whole
            continue
        error = (gradient - theirs[name]).norm() / theirs[name].norm()
        assert error < 1e-5, (name, float(error))


FULL = {"mode": "full", "lr": 1e-3}


@pytest.mark.parametrize(
    "stage",
    [
        {"projector": FULL},
        {"projector": FULL, "language": FULL, "kind": "instruct"},
        {"projector": FULL, "language": FULL, "vision": FULL, "kind": "instruct"},
        {"projector": FULL, "language": FULL, "kind": "instruct", "supervise": "all", "micro_rows": 1},
    ],
    ids=["cached features, projector", "cached features, language", "all parts", "all tokens, micro-batches"],
)
def test_gradients_equal_a_plain_transformers_step(made, tmp_path: Path, stage: dict[str, object]):
    learner = objective(made, tmp_path, **stage)
    step = first_step(learner)
    groups = [group for row in step for group in row.groups]
    assert max(len(group.pieces) for group in groups) >= 3, "no prefix is shared"
    assert max(len(row.groups) for row in step) >= 2, "no row holds two documents"
    assert any(not piece.pictures for row in step for piece in row.pieces), "no text without a picture"
    compare(made, learner, step)


def test_a_shared_prefix_changes_no_gradient(made, tmp_path: Path):
    stage = {"projector": FULL, "language": FULL, "vision": FULL, "kind": "instruct"}
    learner = objective(made, tmp_path, **stage)
    shared = first_step(learner)
    outcome = learner.backward(shared)
    together = {
        name: p.grad.clone() for g in learner.groups for name, p in zip(g.names, g.parameters, strict=True)
    }
    apart = [Row([Group([piece])]) for row in shared for piece in row.pieces]
    for group in learner.groups:
        for parameter in group.parameters:
            parameter.grad = None
    assert learner.backward(apart).loss == pytest.approx(outcome.loss, rel=1e-6)
    for group in learner.groups:
        for name, parameter in zip(group.names, group.parameters, strict=True):
            if not name.endswith("k_proj.bias"):
                assert (parameter.grad - together[name]).norm() / together[name].norm() < 1e-5, name
    assert sum(row.tokens for row in shared) < 0.75 * sum(row.tokens for row in apart)


def test_the_mean_over_answers_weighs_each_answer_alike(made, tmp_path: Path):
    learner = objective(made, tmp_path, projector=FULL, language=FULL, kind="instruct", per="answer")
    step = first_step(learner)
    pieces = [piece for row in step for piece in row.pieces]
    alone = [learner.backward([Row([Group([piece])])]).loss for piece in pieces]
    assert learner.backward(step).loss == pytest.approx(sum(alone) / len(alone), rel=1e-5)


def test_bf16_gives_about_the_same_gradient(made, tmp_path: Path):
    stage = {"projector": FULL, "language": FULL, "vision": FULL, "kind": "instruct"}
    found = {}
    for precision in ("fp32", "bf16"):
        learner = objective(made, tmp_path, **stage, precision=precision)
        loss = learner.backward(first_step(learner)).loss
        flat = torch.cat([p.grad.flatten() for group in learner.groups for p in group.parameters])
        found[precision] = loss, flat
    assert found["bf16"][0] == pytest.approx(found["fp32"][0], rel=5e-3)
    assert torch.cosine_similarity(found["bf16"][1], found["fp32"][1], dim=0) > 0.99
