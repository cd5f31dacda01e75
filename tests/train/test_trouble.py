"""What goes wrong in training says where, and loses nothing."""

import os
import signal
from pathlib import Path

import pytest
import torch

from doctorsun.core.errors import ConfigError, DataError, TrainError
from doctorsun.train import answers, loop
from doctorsun.train.run import run
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, vision_stage, write_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("trouble") / "data", train=12, validation=2)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_samples(
    data: Path, tmp_path: Path, monkeypatch
):
    real = answers.weighted_loss

    def broken(model, packed, features, **options):
        loss, losses = real(model, packed, features, **options)
        wrong = [at for at, piece in enumerate(packed.piece_T) if packed.pieces[piece].id == "talk/train/5"]
        losses = losses.index_fill(0, torch.tensor(wrong, dtype=torch.long), float("nan"))
        return loss * (float("nan") if wrong else 1), losses

    monkeypatch.setattr(answers, "weighted_loss", broken)
    with pytest.raises(TrainError, match=r"step \d+: the loss is nan .*samples \(1\): talk/train/5"):
        run(recipe(data, text_stage(epochs=1, steps=None)), tmp_path)


def test_a_loss_of_nought_stops_the_run(data: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(answers, "weighted_loss", lambda *a, **k: answers_zero(*a))
    with pytest.raises(TrainError, match=r"the loss is 0\.0"):
        run(recipe(data, text_stage()), tmp_path)


def answers_zero(model, packed, _features) -> tuple[torch.Tensor, torch.Tensor]:
    return 0.0 * model.lm_head.weight.sum(), torch.zeros(len(packed.targets_T))


def test_one_interrupt_saves_and_says_how_to_go_on(data: Path, tmp_path: Path, monkeypatch, request):
    typed = recipe(data, text_stage(save_every=100))
    real = loop.Loop._step

    def interrupted(self, content, step):
        real(self, content, step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Loop, "_step", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(TrainError, match="saved at step 2 of 4; run the same command again"):
        run(typed, tmp_path)
    monkeypatch.setattr(loop.Loop, "_step", real)
    assert (tmp_path / "stage-1" / "checkpoint-2" / "manifest.json").is_file()
    assert (run(typed, tmp_path) / "config.json").is_file()


def test_an_absent_data_set_says_what_to_type(tmp_path: Path):
    with pytest.raises(DataError, match="sun data build squares"):
        run(recipe(tmp_path / "nowhere", text_stage()), tmp_path / "run")


def test_a_mixture_without_samples_names_its_stage(data: Path, tmp_path: Path):
    with pytest.raises(TrainError, match="stage medical-llm: its mixture chooses no sample"):
        run(recipe(data, text_stage(mixture={"tasks": ["dialogue"]})), tmp_path)


def test_a_sample_longer_than_the_context_is_named_and_never_cut(data: Path, tmp_path: Path):
    model = {"language": {"width": 32, "layers": 1, "heads": 4, "kv_heads": 2, "mlp": 64, "context": 20}}
    with pytest.raises(TrainError, match=r"squares/train/\d+/\d: \d+ tokens, but the model's context is 20"):
        run(recipe(data, text_stage(), model=model), tmp_path)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (text_stage(steps=None), "either steps or epochs"),
        (text_stage(epochs=2), "either steps or epochs"),
        (align_stage(projector="frozen"), "every part is frozen"),
        (vision_stage(language={"mode": "full", "lr": 1e-3}), "medical-vision trains vision alone"),
        (text_stage(projector={"mode": "full", "lr": 1e-3}), "medical-llm trains language alone"),
        (vision_stage(objectives={"distil": 1.0}), "needs a teacher"),
        (instruct_stage(row_token=64), "row_tokens"),
    ],
)
def test_a_stage_that_cannot_be_meant_is_refused(stage: dict[str, object], said: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=said):
        recipe(tmp_path, stage)
