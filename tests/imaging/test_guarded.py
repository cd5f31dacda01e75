"""A study read by a worker is the study read here."""

from dataclasses import astuple

import numpy as np
import pytest

from doctorsun.core.errors import DataError
from doctorsun.imaging.guarded import guarded_study
from doctorsun.imaging.isolation import Costs
from doctorsun.imaging.opening import load_study
from tests.imaging.dicoms import WHEEL


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "examples_rgb_color.dcm", "rtdose.dcm", "MR_small_padded.dcm"]
)
def test_a_study_is_the_same_from_a_worker(name):
    path = WHEEL / name
    here = load_study(path)
    with guarded_study(path) as there:
        assert len(here.series) == len(there.series)
        for ours, theirs in zip(here.series, there.series, strict=True):
            assert (ours.name, ours.facts, ours.shape, ours.sources) == (
                theirs.name,
                theirs.facts,
                theirs.shape,
                theirs.sources,
            )
            for mine, other in zip(ours.frames(), theirs.frames(), strict=True):
                assert mine.pixels.dtype == other.pixels.dtype
                np.testing.assert_equal(astuple(mine), astuple(other))


def test_what_is_refused_is_told(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"")
    with guarded_study(tmp_path) as study:
        assert [(one.key, one.where) for one in study.refused] == [("imaging.empty", "a.dcm")]


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="gone"), guarded_study(tmp_path / "gone"):
        pass


def test_a_deflated_file_takes_no_more_memory_than_it_has_bytes():
    with guarded_study(WHEEL / "image_dfl.dcm", costs=Costs(memory_mb=512)) as study:
        assert study.refused == ()
        assert study.series[0].frame(0).pixels.shape == (512, 512)
