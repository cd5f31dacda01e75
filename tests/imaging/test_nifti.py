"""NIfTI and Analyze: right values at right places of the patient, or one clear refusal."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from doctorsun.core.errors import RecordError
from doctorsun.imaging.nifti import read_nifti
from doctorsun.imaging.study import StudyLimits
from tests.imaging.files import OnDisk, Packed

LIMITS = StudyLimits()
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
WHEEL = Path(nibabel.__file__).parent / "tests" / "data"
SHAPE = (5, 6, 7)


def numbers(shape=SHAPE, dtype=np.int16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def tilted():
    turn, _ = np.linalg.qr(np.eye(3) + 0.2 * np.random.default_rng(3).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([2.0, 1.5, 1.0])
    affine[:3, 3] = [-40, 30, 12]
    return affine


AFFINES = {
    "ras": np.diag([2.0, 1.5, 1.0, 1.0]),
    "las": np.diag([-2.0, 1.5, 1.0, 1.0]),
    "rpi": np.diag([2.0, -1.5, -1.0, 1.0]),
    "sagittal": np.array([[0, 0, 3.0, -9], [-1.0, 0, 0, 5], [0, -1.2, 0, 8], [0, 0, 0, 1]]),
    "coronal": np.array([[1.0, 0, 0, -9], [0, 0, 1.3, 5], [0, -1.2, 0, 8], [0, 0, 0, 1]]),
    "tilted": tilted(),
}


def written(folder, values, affine=AFFINES["ras"], *, kind=nibabel.Nifti1Image, name="a.nii", header=None):
    image = kind(values, affine, header)
    nibabel.save(image, folder / name)
    return OnDisk(folder / name)


def refusal(entry, limits=LIMITS):
    with pytest.raises(RecordError) as caught:
        for series in read_nifti(entry, limits):
            list(series.frames())
    assert "\n" not in str(caught.value)
    return caught.value.key


def assert_same_places(series, values, affine):
    """Every pixel has the value of the voxel that nibabel puts at the same place of the patient."""
    back = np.linalg.inv(LPS @ affine)
    seen = np.zeros(values.shape, bool)
    for index in range(len(series)):
        frame = series.frame(index)
        rows, columns = np.indices(frame.pixels.shape)
        for geometry, slice_number in ((series.geometry, index), (frame.geometry, 0)):
            here = (
                np.stack([columns, rows, np.full_like(rows, slice_number), np.ones_like(rows)], -1)
                @ (back @ geometry.affine_lps).T
            )
            voxel = np.rint(here[..., :3]).astype(int)
            assert np.abs(here[..., :3] - voxel).max() < 1e-3
            assert (frame.pixels == values[tuple(np.moveaxis(voxel, -1, 0))]).all()
        seen[tuple(np.moveaxis(voxel, -1, 0))] = True
    assert seen.all()


@pytest.mark.parametrize("cut", ["acquired", "axial", "coronal", "sagittal"])
@pytest.mark.parametrize("name", AFFINES)
def test_every_pixel_is_where_its_voxel_was(tmp_path, name, cut):
    (series,) = read_nifti(written(tmp_path, numbers(), AFFINES[name]), LIMITS, cut=cut)
    assert_same_places(series, numbers(), AFFINES[name])


@pytest.mark.parametrize("name", ["ras", "las", "rpi", "coronal"])
def test_axial_slices_are_laid_out_as_a_radiologist_sees_them(tmp_path, name):
    (series,) = read_nifti(written(tmp_path, numbers(), AFFINES[name]), LIMITS, cut="axial")
    assert series.geometry.plane == "axial"
    columns, rows, slices = (series.geometry.affine_lps[:3, axis] for axis in range(3))
    assert columns[0] > 0 and rows[1] > 0 and slices[2] > 0
    assert np.abs([columns[1], columns[2], rows[0], rows[2]]).max() < 1e-6


def test_coronal_and_sagittal_slices_have_the_head_up(tmp_path):
    entry = written(tmp_path, numbers())
    for cut, across in (("coronal", 0), ("sagittal", 1)):
        (series,) = read_nifti(entry, LIMITS, cut=cut)
        affine = series.geometry.affine_lps
        assert series.geometry.plane == cut
        assert affine[across, 0] > 0
        assert affine[2, 1] < 0
        assert np.linalg.det(affine[:3, :3]) > 0


def test_thick_slices_are_read_as_they_were_taken(tmp_path):
    (series,) = read_nifti(written(tmp_path, numbers(), AFFINES["sagittal"]), LIMITS)
    assert series.geometry.plane == "sagittal"
    assert len(series) == SHAPE[2]
    assert series.geometry.slice_spacing_mm == pytest.approx(3.0)
    assert series.geometry.spacing_mm == pytest.approx((1.2, 1.0))


def test_a_tilted_volume_is_called_oblique_beyond_thirty_degrees(tmp_path):
    affine = np.eye(4)
    affine[1:3, 1:3] = [[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]]
    (series,) = read_nifti(written(tmp_path, numbers(), affine), LIMITS)
    assert series.geometry.plane == "oblique"


def test_slope_and_intercept_are_applied(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    values = np.linspace(-1000, 2000, 210).reshape(SHAPE)
    entry = written(tmp_path, values, header=header)
    assert nibabel.load(entry.path).dataobj.slope not in {1, 0}
    (series,) = read_nifti(entry, LIMITS, cut="axial")
    told = nibabel.load(entry.path).get_fdata()
    assert np.abs(series.voxels().max() - 2000) < 0.1
    assert_same_places(series, told.astype(np.float32), AFFINES["ras"])


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_versions_orders_of_bytes_and_packing_read_alike(tmp_path, kind, order, name):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(np.int16).newbyteorder(order))
    entry = written(tmp_path, numbers(), kind=kind, header=header, name=name)
    for one in (entry, Packed(name, entry.read())):
        (series,) = read_nifti(one, LIMITS)
        assert_same_places(series, numbers(), AFFINES["ras"])


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
def test_a_header_and_its_values_are_read_together(tmp_path, kind):
    entry = written(tmp_path, numbers(), kind=kind, name="a.img")
    for one in (entry, OnDisk(tmp_path / "a.hdr")):
        (series,) = read_nifti(one, LIMITS)
        assert_same_places(series, numbers(), AFFINES["ras"])
    entry.path.unlink()
    assert refusal(OnDisk(tmp_path / "a.hdr")) == "imaging.half_pair"


def test_an_analyze_file_does_not_claim_to_know_left_from_right(tmp_path):
    entry = written(tmp_path, numbers(), kind=nibabel.AnalyzeImage, name="a.img")
    (series,) = read_nifti(entry, LIMITS)
    assert series.geometry.affine_lps is None
    assert series.geometry.plane is None
    assert series.geometry.spacing_mm == pytest.approx((1.5, 2.0))
    assert [remark.key for remark in series.remarks] == ["imaging.orientation_unknown"]
    assert sorted(series.voxels().ravel()) == sorted(numbers().ravel())


def test_the_sform_counts_before_the_qform():
    image = nibabel.Nifti1Image(numbers(), AFFINES["ras"])
    image.set_sform(AFFINES["las"], 1)
    image.set_qform(AFFINES["ras"], 1)
    raw = bytearray(image.to_bytes())
    for code, affine in ((1, AFFINES["las"]), (0, AFFINES["ras"])):
        raw[254:256] = code.to_bytes(2, "little")
        (series,) = read_nifti(Packed("a.nii", bytes(raw)), LIMITS)
        assert np.allclose(nibabel.Nifti1Image.from_bytes(bytes(raw)).affine, affine)
        assert_same_places(series, numbers(), affine)


def test_without_a_code_the_orientation_is_unknown():
    image = nibabel.Nifti1Image(numbers(), None)
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    assert series.geometry.affine_lps is None
    assert [remark.key for remark in series.remarks] == ["imaging.orientation_unknown"]


def test_metres_and_micrometres_become_millimetres():
    image = nibabel.Nifti1Image(numbers(), np.diag([2e3, 2e3, 2e3, 1]))
    image.header.set_xyzt_units("micron")
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    assert series.geometry.spacing_mm == pytest.approx((2.0, 2.0))


def test_of_several_volumes_the_first_is_read_with_a_remark():
    image = nibabel.Nifti1Image(numbers((*SHAPE, 4)), np.eye(4))
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    assert [(remark.key, remark.values) for remark in series.remarks] == [
        ("imaging.first_volume", {"count": 4})
    ]
    assert_same_places(series, numbers((*SHAPE, 4))[..., 0], np.eye(4))


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colours_are_colours(names):
    values = np.zeros(SHAPE, [(name, "u1") for name in names])
    for place, name in enumerate(names):
        values[name] = 255 if name == "A" else numbers(dtype=np.uint8) + place
    image = nibabel.Nifti1Image(values, np.eye(4))
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    frame = series.frame(2)
    assert frame.meaning == "rgb"
    assert frame.pixels.shape == (6, 5, 3)
    assert (frame.pixels[..., 1] == frame.pixels[..., 0] + 1).all()


def test_what_is_no_number_stays_none():
    values = numbers(dtype=np.float32)
    values[2, 3, 4] = np.nan
    (series,) = read_nifti(Packed("a.nii", nibabel.Nifti1Image(values, np.eye(4)).to_bytes()), LIMITS)
    assert np.isnan(series.voxels()).sum() == 1


def test_a_flat_picture_is_one_frame():
    image = nibabel.Nifti1Image(numbers((5, 6)), np.eye(4))
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    assert (len(series), series.shape) == (1, (6, 5))


def test_labels_and_the_window_of_the_header_are_told():
    image = nibabel.Nifti1Image(numbers(), np.eye(4))
    image.header.set_intent("label")
    image.header["cal_max"] = 80
    (series,) = read_nifti(Packed("a.nii", image.to_bytes()), LIMITS)
    frame = series.frame(0)
    assert frame.meaning == "label"
    assert (frame.window.low, frame.window.high) == (0, 80)


def test_a_bomb_and_a_lie_about_the_size_are_refused_unread():
    image = nibabel.Nifti1Image(numbers((4, 4, 4)), np.eye(4))
    image.header["dim"][1:4] = (30000, 30000, 30000)
    head = bytes(image.header.binaryblock)
    assert refusal(Packed("a.nii.gz", gzip.compress(head + bytes(10)))) == "imaging.file_too_large"
    assert refusal(Packed("a.nii", head + bytes(10))) == "imaging.file_too_large"
    small = nibabel.Nifti1Image(numbers((4, 4, 4)), np.eye(4)).to_bytes()
    long = gzip.compress(small + bytes(50_000_000))
    (series,) = read_nifti(Packed("a.nii.gz", long), StudyLimits(max_bytes=10**6))
    assert series.voxels().shape == (4, 4, 4)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_is_refused(packed):
    raw = nibabel.Nifti1Image(numbers(), np.eye(4)).to_bytes()
    raw = gzip.compress(raw) if packed else raw
    for at in (1, 20, 100, len(raw) // 2, len(raw) - 9):
        assert refusal(Packed("a.nii", raw[:at])) in {"imaging.damaged", "imaging.no_nifti"}
    assert refusal(Packed("a.nii", b"")) == "imaging.empty"


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_a_header_crashes(seed):
    random = np.random.default_rng(seed)
    raw = bytearray(nibabel.Nifti1Image(numbers(), np.eye(4)).to_bytes())
    for place in random.integers(0, 348, 6):
        raw[place] = random.integers(0, 256)
    try:
        for series in read_nifti(Packed("a.nii", bytes(raw)), StudyLimits(max_bytes=10**7)):
            series.frame(0)
    except RecordError as error:
        assert error.key.startswith("imaging.")


def outcomes():
    """What becomes of each file of nibabel's wheel: (file, frames and shape, or the refusal's key)."""
    rows = []
    for path in sorted(WHEEL.iterdir()):
        if path.suffix in {".py", ".m", ".rst", ""}:
            continue
        try:
            found = [f"{len(one)} x {one.shape}" for one in read_nifti(OnDisk(path), LIMITS) if one.frame(0)]
            rows.append((path.name, ", ".join(found)))
        except RecordError as error:
            rows.append((path.name, error.key))
    return rows


def test_every_file_of_nibabels_own_tests_is_read_or_refused_clearly():
    rows = dict(outcomes())
    assert rows["anatomical.nii"] == "25 x (41, 33)"
    assert rows["example_nifti2.nii.gz"].startswith("12 x") or "x" in rows["example_nifti2.nii.gz"]
    read = {name for name, outcome in rows.items() if not outcome.startswith("imaging.")}
    assert read >= {"functional.nii", "example4d.nii.gz", "standard.nii.gz", "reoriented_anat_moved.nii"}
    assert all(name.endswith((".nii", ".nii.gz")) for name in read)
    assert {rows[name] for name in rows if name not in read} <= {
        "imaging.no_nifti",
        "imaging.half_pair",
        "imaging.nifti_shape",
        "imaging.empty",
        "imaging.damaged",
    }


@pytest.mark.parametrize("name", ["anatomical.nii", "functional.nii", "standard.nii.gz", "example4d.nii.gz"])
def test_the_wheels_volumes_lie_where_nibabel_puts_them(name):
    image = nibabel.load(WHEEL / name)
    values = np.asarray(image.dataobj, np.float32)
    (series,) = read_nifti(OnDisk(WHEEL / name), LIMITS)
    if series.geometry.affine_lps is not None:
        assert_same_places(series, values[(..., *[0] * (values.ndim - 3))], image.affine)


@pytest.mark.parametrize("name", AFFINES)
def test_values_and_places_are_those_of_simpleitk(tmp_path, name):
    sitk = pytest.importorskip("SimpleITK")
    entry = written(tmp_path, numbers(dtype=np.float32), AFFINES[name])
    image = sitk.ReadImage(str(entry.path))
    (series,) = read_nifti(entry, LIMITS)
    for index in (0, len(series) - 1):
        frame = series.frame(index)
        for row, column in ((0, 0), (frame.pixels.shape[0] - 1, 1)):
            place = series.geometry.affine_lps @ [column, row, index, 1]
            voxel = image.TransformPhysicalPointToIndex([float(number) for number in place[:3]])
            assert image.GetPixel(voxel) == frame.pixels[row, column]
