"""A table of studies and volumes: slices by the named policy, with their names, and the study before."""

import numpy as np
import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.miniature import put_picture, put_table
from tests.data.invented import recipe

nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed: pip install doctorsun[imaging]")
HEAD = ("study", "text", "patient", "date", "before")


def put_volume(path, *, slices: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(slices).integers(0, 900, (24, 24, slices)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(levels, np.diag([1.0, 1.0, 4.0, 1.0])), path)


@pytest.fixture
def place(tmp_path):
    put_volume(tmp_path / "raw/one.nii.gz", slices=20)
    put_volume(tmp_path / "raw/two.nii.gz", slices=6)
    put_picture(tmp_path / "raw/film.png")
    rows = [
        ("two.nii.gz", "左肺结节较前增大。", "p1", "2026-02-03", ""),
        ("film.png", "No finding.", "p2", "2026-01-01", "one.nii.gz"),
        ("one.nii.gz", "A nodule of the left lung.", "p1", "2026-01-02", ""),
        ("none.nii.gz", "Lost.", "p3", "", ""),
        ("../out.nii.gz", "Outside.", "p3", "", ""),
    ]
    put_table(tmp_path / "raw/reports.csv", HEAD, rows)
    put_volume(tmp_path / "out.nii.gz", slices=3)
    return tmp_path / "raw"


def read(place, **options):
    counts = Counts()
    found = plugins.find(sources, "table_studies").records(place, counts, patient_column="patient", **options)
    return {record.id: record for record in found}, counts


def test_slices_are_chosen_by_policy_and_know_their_place(place):
    records, counts = read(place, slices=5)
    assert [one.slice for one in records["one.nii.gz"].shown] == [3, 7, 11, 15, 19]
    assert {one.count for one in records["one.nii.gz"].shown} == {20}
    assert len(records["two.nii.gz"].images) == 5
    assert records["film.png"].shown == () and len(records["film.png"].images) == 1
    assert counts.dropped == {"data.image_absent": 2}
    ends, _ = read(place, slices=3, policy="ends")
    assert [one.slice for one in ends["one.nii.gz"].shown] == [1, 10, 20]


def test_a_policy_of_another_name_says_which_there_are(place):
    with pytest.raises(ConfigError, match="policy"):
        read(place, policy="best")


def test_the_study_before_is_found_by_date_or_by_name(place):
    by_date, _ = read(place, slices=2, date_column="date")
    pair = by_date["two.nii.gz-prior"]
    assert [(one.study, one.count) for one in pair.shown] == [("prior", 20)] * 2 + [("current", 6)] * 2
    by_name, _ = read(place, slices=2, prior_column="before")
    assert [one.study for one in by_name["film.png-prior"].shown] == ["prior", "prior", "current"]
    assert set(by_name) == {"one.nii.gz", "two.nii.gz", "film.png", "film.png-prior"}


def test_a_built_data_set_says_study_and_slice_before_each_picture(place):
    options = {"slices": 2, "patient_column": "patient", "date_column": "date"}
    mine = {"reader": "table_studies", "path": ".", "licence": "MIT", "options": options}
    dataset = open_dataset(build(recipe(place, [], sources={"mine": mine})))
    rows = {sample.id: sample for part in dataset.splits for sample in dataset.rows(part)}
    name = next(name for name in rows if "-prior/" in name)
    said = [part.text or "*" for part in rows[name].messages[0].content]
    assert said[:4] == ["既往检查：\n第6层（共20层）：", "*", "第16层（共20层）：", "*"]
    assert said[4:8] == ["本次检查：\n第2层（共6层）：", "*", "第5层（共6层）：", "*"]
