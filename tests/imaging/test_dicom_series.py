"""What belongs together comes in the order of its geometry, and what is odd about it is told."""

import numpy as np
import pytest
from pydicom.uid import generate_uid

from doctorsun.core.strings import say_in
from doctorsun.imaging.opening import load_study
from tests.imaging.dicoms import AXIAL, ct_slice, dicom, enhanced_ct, saved, slope

NAMES = ["k.dcm", "a.dcm", "z.dcm", "m.dcm", "c.dcm", "q.dcm", "b.dcm", "x.dcm"]


def stack(folder, heights, **elements):
    """Slices at these heights under names in no order; the slice at height k holds slope + k."""
    for number, (name, z) in enumerate(zip(NAMES, heights, strict=False)):
        saved(ct_slice(z, number=99 - number, value=int(z), **elements), folder / name)
    return load_study(folder)


def keys(series):
    return [remark.key for remark in series.remarks]


def remark(series, key):
    return next(one for one in series.remarks if one.key == key)


def test_slices_come_in_the_order_of_their_places_whatever_their_names_and_numbers(tmp_path):
    study = stack(tmp_path, [30, 10, 25, 5, 20, 0, 15])
    (series,) = study.series
    heights = [frame.pixels[0, 0] + 1024 + 40 for frame in series.frames()]
    assert heights == [0, 5, 10, 15, 20, 25, 30]
    assert series.geometry.slice_spacing_mm == 5
    assert series.geometry.spacing_mm == (0.5, 0.7)
    assert series.geometry.thickness_mm == 2
    assert series.geometry.plane == "axial"
    assert not series.remarks and not study.refused
    assert series.sources[0] == "q.dcm"


def test_the_affine_takes_columns_rows_and_slices_to_the_patient(tmp_path):
    affine = stack(tmp_path, [10, 0, 5]).series[0].geometry.affine_lps
    assert affine @ [2, 3, 1, 1] == pytest.approx([-10 + 2 * 0.7, -20 + 3 * 0.5, 5, 1])


def test_a_coronal_series_has_its_plane_and_runs_along_its_normal(tmp_path):
    for number, y in enumerate([4, 0, 2]):
        flat = ct_slice(0, orientation=[1, 0, 0, 0, 0, -1], position=(0, y, 0), value=y)
        saved(flat, tmp_path / f"{number}.dcm")
    series = load_study(tmp_path).series[0]
    assert series.geometry.plane == "coronal"
    assert series.geometry.slice_spacing_mm == 2
    normal = np.cross([1, 0, 0], [0, 0, -1])
    step = series.geometry.affine_lps[:3, 2]
    assert step == pytest.approx(normal * 2)


def test_missing_slices_are_counted_with_their_place(tmp_path):
    (series,) = stack(tmp_path, [0, 2, 4, 10, 12, 14, 16]).series
    found = remark(series, "imaging.missing_slices")
    assert found.values == {"count": 2, "after": "3"}
    assert series.geometry.slice_spacing_mm == 2
    assert say_in("zh", found.key, where=found.where, **found.values)


def test_uneven_slices_are_told_with_the_least_and_the_most(tmp_path):
    (series,) = stack(tmp_path, [0, 2, 4.7, 6, 8.3]).series
    assert remark(series, "imaging.irregular_spacing").values == {"low": "1.3", "high": "2.7"}


def test_a_second_slice_at_one_place_is_kept_as_a_series_of_its_own(tmp_path):
    volume, rest = stack(tmp_path, [0, 2, 4, 4, 6]).series
    assert (len(volume), len(rest)) == (4, 1)
    assert remark(volume, "imaging.duplicates").values == {"count": 1}
    assert volume.geometry.slice_spacing_mm == 2


def test_a_copy_of_a_file_is_told_and_left_out(tmp_path):
    stack(tmp_path, [0, 2, 4])
    (tmp_path / "copy.dcm").write_bytes((tmp_path / "a.dcm").read_bytes())
    (series,) = load_study(tmp_path).series
    assert len(series) == 3
    assert remark(series, "imaging.copies").values == {"count": 1}


def test_time_points_come_one_whole_volume_after_the_other(tmp_path):
    for time in (2, 1, 3):
        for z in (3, 0):
            one = ct_slice(z, value=10 * time + z, TemporalPositionIdentifier=time)
            saved(one, tmp_path / f"{9 - time}{z}.dcm")
    (series,) = load_study(tmp_path).series
    values = [frame.pixels[0, 0] + 1024 + 40 for frame in series.frames()]
    assert values == [10, 13, 20, 23, 30, 33]
    assert remark(series, "imaging.repeated").values == {"times": 3, "slices": 2}
    assert series.geometry.slice_spacing_mm == 3


def test_a_tilted_gantry_is_measured_and_kept_in_the_affine(tmp_path):
    angle = np.radians(20)
    orientation = [1, 0, 0, 0, np.cos(angle), -np.sin(angle)]
    for number, z in enumerate([0, 5, 10]):
        saved(ct_slice(z, orientation=orientation, value=z), tmp_path / f"{9 - number}.dcm")
    (series,) = load_study(tmp_path).series
    assert remark(series, "imaging.tilted").values == {"degrees": "20.0"}
    assert series.geometry.affine_lps[:3, 2] == pytest.approx([0, 0, 5])
    assert series.geometry.slice_spacing_mm == pytest.approx(5 * np.cos(angle))
    assert "imaging.irregular_spacing" not in keys(series)


def test_a_mixed_series_is_split_by_size_and_direction_and_says_so(tmp_path):
    stack(tmp_path, [0, 2, 4])
    saved(
        ct_slice(0, orientation=[0, 1, 0, 0, 0, -1], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        tmp_path / "s",
    )
    saved(dicom(slope(12, 12), ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=AXIAL), tmp_path / "t")
    found = load_study(tmp_path).series
    assert sorted(len(series) for series in found) == [1, 1, 3]
    assert all(remark(series, "imaging.mixed_series").values == {"count": 3} for series in found)


def test_series_are_told_apart_by_their_uid_and_come_in_the_order_of_their_numbers(tmp_path):
    saved(
        ct_slice(0, SeriesInstanceUID=generate_uid(), SeriesNumber=10, SeriesDescription="second"),
        tmp_path / "a",
    )
    saved(
        ct_slice(0, SeriesInstanceUID=generate_uid(), SeriesNumber=9, SeriesDescription="first"),
        tmp_path / "b",
    )
    found = load_study(tmp_path).series
    assert [series.facts.description for series in found] == ["first", "second"]
    assert [series.name for series in found] == ["CT-1", "CT-2"]


def test_frames_of_an_enhanced_file_have_their_own_place_and_rescale(tmp_path):
    path = saved(enhanced_ct([6, 0, 3]), tmp_path / "e.dcm")
    (series,) = load_study(path).series
    assert len(series) == 3
    assert series.geometry.slice_spacing_mm == 3
    tops = [frame.pixels[0, 0] for frame in series.frames()]
    # Frame k of the file holds slope + k, less 1000 + k.
    assert tops == [-1040, -1040, -1040]
    assert [frame.geometry.affine_lps[2, 3] for frame in series.frames()] == [0, 3, 6]
    assert series.frame(0).meaning == "hu"
    assert (series.frame(0).window.center, series.frame(0).window.width) == (40, 400)
    assert series.voxels().shape == (3, 6, 8)


def test_pictures_without_a_place_come_by_their_numbers_and_films_stay_apart(tmp_path):
    for name, number in (("a", 3), ("b", 1), ("c", 2)):
        one = dicom(slope(dtype=np.uint8) + number, modality="US", InstanceNumber=number)
        saved(one, tmp_path / name)
    saved(dicom(np.stack([slope(dtype=np.uint8)] * 4), modality="US", InstanceNumber=4), tmp_path / "film")
    stills, film = sorted(load_study(tmp_path).series, key=len)
    assert stills.sources == ("b", "c", "a")
    assert len(film) == 4


def test_a_header_is_kept_small(tmp_path):
    from doctorsun.imaging.archive import found_files
    from doctorsun.imaging.dicom.header import read_header

    saved(ct_slice(0, PatientName="Nobody^Known"), tmp_path / "a.dcm")
    header = read_header(found_files(tmp_path).entries[0])
    assert "Nobody" not in repr(header)
    assert len(repr(header)) < 3000
