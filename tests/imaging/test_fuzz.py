"""1,500 damaged files, the same in every run: each is read or refused, and nothing else is ever raised."""

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="fuzzing DICOM needs the extra `imaging`")

from tests.imaging.mutations import (
    REFUSALS,
    dicom_seeds,
    mutated,
    picture_seeds,
    read_dicom,
    read_picture,
)


@pytest.mark.parametrize("part", range(4))
def test_damaged_dicom_files_are_read_or_refused(part, tmp_path):
    seeds = list(dicom_seeds().items())
    path = tmp_path / "x.dcm"
    outcomes = {"read": 0, "nothing": 0, "refused": 0}
    for number in range(part * 150, part * 150 + 150):
        name, raw = seeds[number % len(seeds)]
        path.write_bytes(mutated(raw, np.random.default_rng([1, number])))
        try:
            outcomes["read" if read_dicom(path) else "nothing"] += 1
        except REFUSALS:
            outcomes["refused"] += 1
        except Exception as error:
            error.add_note(f"mutation {number} of {name}")
            raise
    assert sum(outcomes.values()) == 150
    assert outcomes["read"] > 10
    assert outcomes["nothing"] + outcomes["refused"] > 10


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("part", range(3))
def test_damaged_pictures_are_read_or_refused(part):
    seeds = list(picture_seeds().items())
    outcomes = {"read": 0, "refused": 0}
    for number in range(part * 300, part * 300 + 300):
        name, raw = seeds[number % len(seeds)]
        try:
            outcomes["read"] += read_picture(mutated(raw, np.random.default_rng([2, number])))
        except REFUSALS:
            outcomes["refused"] += 1
        except Exception as error:
            error.add_note(f"mutation {number} of {name}")
            raise
    assert min(outcomes.values()) > 20
