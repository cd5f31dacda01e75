"""A dry run takes real steps, the longest first, and measures beside the estimate."""

from pathlib import Path

import pytest

from doctorsun.train.estimate.rehearse import rehearse
from tests.model.families import write_family
from tests.train import paired, small


def test_the_estimate_is_near_what_a_real_step_takes(tmp_path: Path):
    data = small.write_dataset(tmp_path / "data", train=12, validation=2)
    recipe = small.recipe(data, small.text_stage(), small.align_stage(), small.instruct_stage())
    found = list(rehearse(recipe, tmp_path / "run"))
    assert [one.steps for one in found] == [4, 4, 6]
    for one in found:
        assert one.plan.memory.total == pytest.approx(one.measured, rel=0.15)
        assert one.plan.fits
        assert one.fits


def test_a_whole_model_takes_its_steps_and_has_no_estimate(tmp_path: Path):
    data = small.write_dataset(tmp_path / "data", train=6, validation=2)
    folder = write_family(tmp_path / "qwen", "qwen3_vl")
    recipe = small.recipe(data, small.align_stage(row_tokens=256), model={"from": str(folder)})
    (found,) = rehearse(recipe, tmp_path / "run")
    assert found.plan is None
    assert found.kind == "Qwen3VLForConditionalGeneration"
    assert found.measured > 0 and found.step_s > 0 and found.fits


def test_a_rehearsal_needs_nothing_of_what_watches_a_run(tmp_path: Path):
    data = small.write_dataset(tmp_path / "data", train=6, validation=0, made=paired.paired)
    watched = {"validate_every": 2, "keep_best": "closed_accuracy", "leave": "best", "show_every": 1}
    stages = small.align_stage(**watched, early_stop={}), paired.preference_stage()
    recipe = small.recipe(data, *stages, report_to=["wandb"])
    assert len(list(rehearse(recipe, tmp_path / "run"))) == 2
    assert not list((tmp_path / "run").glob("*.jsonl"))
