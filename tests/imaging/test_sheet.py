"""A contact sheet shows every series and names nobody."""

import numpy as np

from doctorsun.core.errors import RecordError
from doctorsun.imaging.sheet import contact_sheet, label
from doctorsun.imaging.study import Facts, Frame, Geometry, Series, Study


def series(read, *, count=5, modality="CT", plane="axial"):
    return Series(
        name="s",
        format="dicom",
        facts=Facts(modality=modality),
        geometry=Geometry(plane=plane),
        shape=(20, 30),
        sources=("f",) * count,
        read=read,
    )


def bright(index):
    return Frame(np.full((20, 30, 3), 50 * (index + 1), np.uint8), "rgb")


def broken(index):
    raise RecordError("imaging.damaged", where="f")


def test_series_follow_each_other_from_first_frame_to_last():
    sheet = contact_sheet(Study((series(bright), series(bright))), columns=3, frames=3, px=60)
    assert sheet.shape == (2 * 80, 3 * 64, 3)
    assert [int(sheet[30, 64 * column + 30, 0]) for column in range(3)] == [50, 150, 250]
    flowing = contact_sheet(Study((series(bright), series(bright))), columns=6, frames=1, px=60)
    assert flowing.shape == (80, 2 * 64, 3)


def test_a_frame_that_cannot_be_read_is_crossed_out():
    failed = []
    sheet = contact_sheet(Study((series(broken, count=1),)), columns=1, px=60, failed=failed)
    assert [error.key for error in failed] == ["imaging.damaged"]
    assert sheet[30, 30].tolist() == [120, 40, 40]


def test_an_empty_study_gives_an_empty_sheet():
    assert (contact_sheet(Study(())) == 0).all()


def test_labels_hold_codes_only():
    assert label(series(bright), 1) == "CT axial 2/5"
    assert label(series(bright, modality="ZHANG^SAN", plane=None), 0) == "dicom 1/5"
