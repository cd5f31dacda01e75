"""Whole image-text models learn what a plain transformers step teaches them, and resume to the same bits."""

import copy
import json

import pytest
import torch

from doctorsun.core.errors import ConfigError, TrainError
from doctorsun.data.dataset import open_dataset
from doctorsun.model.parts import Parts
from doctorsun.model.store import load_model
from doctorsun.model.tuning import apply_tuning
from doctorsun.model.whole import join_inputs
from doctorsun.train.answers import Answers, Reading
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.device import Compute
from doctorsun.train.originals import Originals
from doctorsun.train.recipe import StageConfig
from doctorsun.train.recompute import recompute
from doctorsun.train.run import run
from doctorsun.train.setting import Setting
from tests.model.families import FAMILIES, write_family
from tests.train.small import (
    align_stage,
    instruct_stage,
    recipe,
    straight_and_broken,
    text_stage,
    vision_stage,
    write_dataset,
)

FULL = {"mode": "full", "lr": 1e-3}
LORA = {"mode": "lora", "lr": 1e-3, "rank": 4, "dropout": 0.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data") / "data", train=9, validation=3)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return {family: write_family(folder / family, family) for family in FAMILIES}


def learner(folder, data, place, **stage):
    """An objective on a model of the family, and the model as it was."""
    parts = load_model(folder)
    rows = open_dataset(data).rows("train")
    corpus = Corpus.of_rows(rows)
    originals = Originals.build(rows.pictures(), place, parts.whole, total=9)
    config = StageConfig.model_validate({**align_stage(), "row_tokens": 256, **stage})
    before = copy.deepcopy(parts.model)
    groups = apply_tuning(parts.model, config.tune, seed=0).groups
    setting = Setting(Compute(config), 5, originals=originals)
    pieces = Pieces(
        corpus, parts.encoder, context=512, supervise=config.supervise, text_only=False, originals=originals
    )
    made = Answers(
        parts, config, groups=groups, training=Reading(corpus, pieces), validation=None, setting=setting
    )
    return made, parts, before, originals


def plain_step(parts: Parts, model, pieces, originals):
    """Loss and gradients of the class's own forward, conversation by conversation, every token's logits."""
    model.train()
    whole = sum(int(piece.learnt.sum()) for piece in pieces)
    total = 0.0
    for piece in pieces:
        ids = torch.from_numpy(piece.ids).long()[None]
        kinds = {name: torch.tensor(told) for name, told in parts.whole.kinds(ids.tolist()).items()}
        labels = torch.where(torch.from_numpy(piece.learnt)[None], ids, -100)
        inputs = join_inputs([originals.inputs(piece.pictures)] if piece.pictures else [])
        loss = model(input_ids=ids, labels=labels, use_cache=False, **kinds, **inputs).loss
        (loss * int(piece.learnt.sum()) / whole).backward()
        total += loss.item() * int(piece.learnt.sum()) / whole
    return total, {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_equal_a_plain_transformers_step(family, folders, data, tmp_path):
    made, parts, before, originals = learner(
        folders[family], data, tmp_path / "kept", kind="instruct", vision=FULL, projector=FULL, language=FULL
    )
    step = next(iter(made.steps()))
    pieces = [piece for row in step for piece in row.pieces]
    assert any(not piece.pictures for piece in pieces) and len({len(piece.ids) for piece in pieces}) > 3
    outcome = made.backward(step)
    loss, theirs = plain_step(parts, before, pieces, originals)
    assert outcome.loss == pytest.approx(loss, rel=1e-5)
    ours = {n: p.grad for g in made.groups for n, p in zip(g.names, g.parameters, strict=True)}
    largest = max(gradient.norm() for gradient in theirs.values() if gradient is not None)
    assert len(ours) > 20
    for name, gradient in ours.items():
        if theirs[name] is None:
            assert gradient is None or not gradient.any(), name
        elif theirs[name].norm() > 1e-5 * largest:  # below, rounding is all there is
            assert (gradient - theirs[name]).norm() / theirs[name].norm() < 1e-3, name
    kept = {name: gradient.clone() for name, gradient in ours.items() if gradient is not None}
    parts.model.zero_grad()
    recompute(parts.model, ["vision", "language"])
    assert made.backward(step).loss == pytest.approx(outcome.loss, rel=1e-6)
    for group in made.groups:
        for name, parameter in zip(group.names, group.parameters, strict=True):
            assert name not in kept or torch.allclose(parameter.grad, kept[name], rtol=1e-4, atol=1e-6), name


def test_the_mean_over_answers_weighs_each_answer_alike(folders, data, tmp_path):
    made, *_ = learner(folders["qwen3_vl"], data, tmp_path / "kept", per="answer", projector=FULL)
    step = next(iter(made.steps()))
    alone = [made.backward([one]).loss for one in apart(step)]
    assert made.backward(step).loss == pytest.approx(sum(alone) / len(alone), rel=1e-5)


def test_bf16_products_give_about_the_same_loss_and_gradient(folders, data, tmp_path):
    found = {}
    for precision in ("fp32", "bf16"):
        made, *_ = learner(
            folders["gemma3"],
            data,
            tmp_path / "kept",
            kind="instruct",
            projector=FULL,
            language=FULL,
            precision=precision,
        )
        loss = made.backward(next(iter(made.steps()))).loss
        learnt = [p.grad.flatten() for group in made.groups for p in group.parameters if p.grad is not None]
        found[precision] = loss, torch.cat(learnt)
    assert found["bf16"][0] == pytest.approx(found["fp32"][0], rel=2e-2)
    assert torch.cosine_similarity(found["bf16"][1], found["fp32"][1], dim=0) > 0.97


def apart(step):
    """Each conversation of a step as a row of its own."""
    return [type(row)([group]) for row in step for group in row.groups]


def stages(family):
    """Three steps of `align`, then of `instruct`: LoRA on the encoder, the language model full or LoRA."""
    language = {**LORA, "targets": ["q_proj", "v_proj"]} if family in ("gemma3", "internvl") else FULL
    second = instruct_stage(
        vision=LORA, language=language, augment={}, steps=3, rows=2, row_tokens=256, save_every=2
    )
    return align_stage(steps=3, rows=2, row_tokens=256), second


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_model_goes_through_both_stages_and_loads_in_plain_transformers(
    family, folders, data, tmp_path
):
    import transformers

    full = recipe(data, *stages(family), model={"from": str(folders[family])})
    model = run(full, tmp_path / "run")
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in metrics if "loss" in row] == [1, 2, 3, 1, 2, 3]
    parts = load_model(model)
    plain = transformers.AutoModelForImageTextToText.from_pretrained(model, local_files_only=True).eval()
    start = load_model(folders[family]).model.state_dict()
    changed = {name for name, tensor in plain.state_dict().items() if not torch.equal(tensor, start[name])}
    assert any("visual" in name or "vision" in name for name in changed)
    assert any("language_model.layers" in name for name in changed)
    question = parts.encoder.prompt(
        Corpus.of_rows(open_dataset(data).rows("train")).entries[0].messages[:1], sizes=[(32, 32)]
    )
    raw = next(iter(open_dataset(data).rows("train").pictures()))[1].bytes
    told = {"input_ids": torch.tensor([question.ids]), **parts.whole.inputs([raw])}
    told |= {name: torch.tensor(rows) for name, rows in parts.whole.kinds([question.ids]).items()}
    ours, theirs = (one.generate(**told, max_new_tokens=8, do_sample=False) for one in (parts.model, plain))
    assert torch.equal(ours, theirs)


def test_a_run_of_a_whole_model_resumes_to_the_same_bits(folders, data, tmp_path, monkeypatch):
    full = recipe(data, *stages("qwen3_vl"), model={"from": str(folders["qwen3_vl"])})
    one, other = straight_and_broken(full, tmp_path, monkeypatch)
    assert one == other


@pytest.mark.parametrize(
    ("stage", "key"),
    [
        (vision_stage(), "train.no_whole_vision"),
        (instruct_stage(), "train.llava_only"),
        (align_stage(dropout=0.1), "train.llava_only"),
    ],
    ids=["medical-vision", "augment", "dropout"],
)
def test_what_only_a_llava_can_do_is_refused_by_name(stage, key, folders, data, tmp_path):
    full = recipe(data, stage, model={"from": str(folders["internvl"])})
    with pytest.raises(TrainError) as caught:
        run(full, tmp_path / "run")
    assert caught.value.key == key and "InternVL" in str(caught.value)


def test_a_text_stage_reads_no_picture(folders, data, tmp_path):
    full = recipe(data, text_stage(steps=1), model={"from": str(folders["gemma3"])})
    run(full, tmp_path / "run")
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


def test_training_goes_on_from_a_finished_run(data, tmp_path):
    first = align_stage(steps=1, rows=2)
    model = run(recipe(data, first), tmp_path / "first")
    run(recipe(data, first, model={"from": str(tmp_path / "first")}), tmp_path / "second")
    start = load_model(tmp_path / "second" / "start").model.state_dict()
    assert all(
        torch.equal(start[name], tensor) for name, tensor in load_model(model).model.state_dict().items()
    )
    assert load_model(tmp_path / "second" / "model").whole is None


def test_a_whole_model_is_taken_as_it_is(data):
    with pytest.raises(ConfigError) as caught:
        recipe(data, align_stage(), model={"from": "x", "feature_layer": -1})
    assert "feature_layer" in str(caught.value)
