"""One step of `preference` is one step of TRL's DPOTrainer: the loss, the gradients, the rewards."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from doctorsun.data.dataset import open_dataset
from doctorsun.model.assemble import assemble
from doctorsun.model.parts import Parts
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.tuning import apply_tuning
from doctorsun.train.corpus import Corpus
from doctorsun.train.device import Compute
from doctorsun.train.pairs import Pair, Pairs, pairs_in
from doctorsun.train.preference import PairReading, Preference
from doctorsun.train.recipe import StageConfig
from doctorsun.train.setting import Setting
from doctorsun.train.views import PictureStore
from tests.train.paired import dialogue, paired, preference_stage
from tests.train.small import recipe, write_dataset

trl = pytest.importorskip("trl", reason="trl is not installed: pip install doctorsun[dev]")
datasets = pytest.importorskip("datasets", reason="datasets is not installed")
FULL = {"mode": "full", "lr": 0.001}


def talks(count: int, *, split: str):
    found = paired(count, split=split)
    return [dialogue(sample) if at % 3 == 0 else sample for at, sample in enumerate(found)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trl")
    rows = open_dataset(write_dataset(folder / "data", train=6, made=talks)).rows("train")
    corpus = Corpus.of_rows(rows)
    texts = [message.text for entry in corpus.entries for message in entry.messages]
    config = recipe(folder / "data", preference_stage()).model
    parts = assemble(config, train_tokenizer(texts, size=512), seed=1)
    store = PictureStore.build(rows.pictures(), folder / "pictures", parts.pictures, sources={})
    return parts, corpus.pairs(), store


@pytest.fixture(scope="module")
def judge(made, tmp_path_factory):
    """Makes TRL's own trainer of a loss, with a reference of its own."""
    folder = tmp_path_factory.mktemp("judge")

    def trainer(model, start, **how):
        arguments = trl.DPOConfig(
            str(folder), report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, **how
        )
        row = {"prompt": "a", "chosen": "b", "rejected": "c"}
        return trl.DPOTrainer(
            model=model,
            ref_model=start,
            args=arguments,
            train_dataset=datasets.Dataset.from_list([row]),
            processing_class=made[0].processor.tokenizer,
        )

    return trainer


def learner(made, folder: Path, **stage: object) -> Preference:
    parts, corpus, store = made
    parts = Parts(copy.deepcopy(parts.model), parts.processor, parts.encoder, parts.pictures)
    config = StageConfig.model_validate(preference_stage(language=FULL, projector=FULL, vision=FULL, **stage))
    groups = apply_tuning(parts.model, config.tune, seed=0).groups
    reading = PairReading(corpus, Pairs(corpus, parts.encoder, context=256))
    setting = Setting(Compute(config), 5, pictures=store)
    found = Preference(parts, config, groups=groups, training=reading, validation=None, setting=setting)
    found.read_reference(folder, start="start")
    return found


def moved(model: torch.nn.Module) -> None:
    """Another model than the one it starts from, so that rewards are not nought."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)


def batch(pairs: list[Pair], store: PictureStore, stage: StageConfig) -> dict[str, torch.Tensor]:
    """What TRL's collator would make of the pairs: all chosen ones, then all rejected ones."""
    pieces = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    length = max(len(piece.ids) for piece in pieces)
    found = {name: torch.zeros(len(pieces), length, dtype=torch.long) for name in ("ids", "real", "said")}
    for row, piece in enumerate(pieces):
        count = len(piece.ids)
        found["ids"][row, :count] = torch.from_numpy(piece.ids).long()
        found["real"][row, :count] = 1
        found["said"][row, :count] = torch.from_numpy(piece.learnt).long()
    views = [(name, 0) for piece in pieces for name in piece.pictures]
    return {
        "input_ids": found["ids"],
        "attention_mask": found["real"],
        "completion_mask": found["said"],
        "pixel_values": store.pixels(views, stage.augment, seed=0),
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"loss": "sigmoid"}, {"loss_type": ["sigmoid"]}),
        ({"loss": "ipo", "beta": 0.3}, {"loss_type": ["ipo"], "beta": 0.3}),
        ({"loss": "robust", "label_smoothing": 0.2}, {"loss_type": ["robust"], "label_smoothing": 0.2}),
    ],
    ids=["sigmoid", "ipo", "robust"],
)
def test_a_step_is_that_of_trl(made, judge, tmp_path, ours, theirs):
    objective = learner(made, tmp_path, **ours)
    model = objective._losses.model
    start = copy.deepcopy(model)
    moved(model)
    step = next(iter(objective.steps()))
    pairs = pairs_in(step)
    assert {bool(pair.chosen.pictures) for pair in pairs} == {True, False}
    assert len(step) > 2  # more than one pass of micro rows
    other = copy.deepcopy(model)
    trainer = judge(other, start, **theirs)
    other.train()
    stage = StageConfig.model_validate(preference_stage(**ours))
    expected = trainer.compute_loss(other, batch(pairs, made[2], stage))
    expected.backward()
    outcome = objective.backward(step)
    assert outcome.loss == pytest.approx(expected.item(), abs=1e-5)
    told = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    assert outcome.figures["reward_accuracy"] == pytest.approx(told["rewards/accuracies"])
    for name, known in (("margin", "margins"), ("chosen", "chosen"), ("rejected", "rejected")):
        assert outcome.figures[f"reward_{name}"] == pytest.approx(told[f"rewards/{known}"], abs=1e-5)
    theirs_by_name = dict(other.named_parameters())
    learnt = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert any("vision_tower" in name for name in learnt)
    for name, parameter in learnt.items():
        torch.testing.assert_close(parameter.grad, theirs_by_name[name].grad, atol=1e-5, rtol=1e-3)


def test_smoothing_of_the_sigmoid_is_that_of_trl_where_it_has_one(made, judge, tmp_path):
    """TRL smooths a single pair's sigmoid in its `aot`, which for one pair sorts nothing."""
    objective = learner(made, tmp_path, label_smoothing=0.1, rows=1, row_tokens=8)
    model = objective._losses.model
    start = copy.deepcopy(model)
    moved(model)
    step = next(iter(objective.steps()))
    assert len(pairs_in(step)) == 1
    other = copy.deepcopy(model)
    trainer = judge(other, start, loss_type=["aot"], label_smoothing=0.1)
    stage = StageConfig.model_validate(preference_stage())
    expected = trainer.compute_loss(other, batch(pairs_in(step), made[2], stage))
    assert objective.backward(step).loss == pytest.approx(expected.item(), abs=1e-5)


def test_only_the_last_answer_counts_and_the_prompt_is_shared(made):
    parts, corpus, _ = made
    pairs = Pairs(corpus, parts.encoder, context=256)
    row, entry = next((row, e) for row, e in enumerate(corpus.entries) if len(e.messages) == 4 and e.pictures)
    pair = pairs[row]
    for piece, said in ((pair.chosen, entry.messages[-1].text), (pair.rejected, entry.rejected)):
        learnt = piece.ids[piece.learnt]
        assert parts.encoder.decode(learnt.tolist()) == said
        assert learnt[-1] == parts.encoder.end_id
        assert not piece.learnt[: piece.prefix].any()
    prompt = parts.encoder.prompt(entry.messages[:-1]).ids
    assert pair.chosen.ids[: pair.chosen.prefix].tolist() == prompt
    assert replace(pair.chosen, ids=pair.rejected.ids).shares_with == pair.rejected.shares_with
