"""A dry run takes real steps, the longest first, and measures beside the estimate."""

from pathlib import Path

import pytest

from doctorsun.train.estimate.rehearse import rehearse
from tests.train import small


def test_the_estimate_is_near_what_a_real_step_takes(tmp_path: Path):
    data = small.write_dataset(tmp_path / "data", train=12, validation=2)
    recipe = small.recipe(data, small.text_stage(), small.align_stage(), small.instruct_stage())
    found = list(rehearse(recipe, tmp_path / "run"))
    assert [one.steps for one in found] == [4, 4, 6]
    for one in found:
        assert one.plan.memory.total == pytest.approx(one.measured, rel=0.15)
        assert one.plan.fits
