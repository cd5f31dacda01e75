"""Every DICOM file in pydicom's wheel is read with pydicom's own values, or refused with one clear reason."""

import gzip
import warnings
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, apply_rescale

from doctorsun.core.errors import RecordError
from doctorsun.imaging.opening import load_study
from tests.imaging.dicoms import pydicom_files, rows

REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "imaging.other_size",
    "MR_truncated.dcm": "imaging.cut_short",
    "badVR.dcm": "imaging.bad_dicom",
    "meta_missing_tsyntax.dcm": "imaging.bad_dicom",
    "ExplVR_BigEndNoMeta.dcm": "imaging.is_plan",
    "ExplVR_LitEndNoMeta.dcm": "imaging.is_plan",
    "no_meta_group_length.dcm": "imaging.is_plan",
    "rtplan.dcm": "imaging.is_plan",
    "rtplan_truncated.dcm": "imaging.is_plan",
    "rtstruct.dcm": "imaging.is_structures",
    "reportsi.dcm": "imaging.is_report",
    "reportsi_with_empty_number_tags.dcm": "imaging.is_report",
    "test-SR.dcm": "imaging.is_report",
    "waveform_ecg.dcm": "imaging.is_waveform",
    "UN_sequence.dcm": "imaging.no_pixels",
    "priv_SQ.dcm": "imaging.no_pixels",
    "nested_priv_SQ.dcm": "imaging.bad_dicom",
    "empty_charset_LEI.dcm": "imaging.no_pixels",
    "no_meta.dcm": "imaging.unknown_format",
}


def reference(dataset):
    """pydicom's own pixels, all frames, in the kinds of values that a frame holds."""
    stored = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(stored, dataset)
        return (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.uint8)
    if dataset.SamplesPerPixel == 3:
        return (stored >> (dataset.BitsStored - 8)).astype(np.uint8)
    if "DoseGridScaling" in dataset:
        return (stored.astype(np.float64) * float(dataset.DoseGridScaling)).astype(np.float32)
    return apply_rescale(stored, dataset).astype(np.float32)


TWELVE_BITS = {"JPEG-lossy.dcm", "JPGExtended.dcm"}  # pydicom's decoders refuse them; gdcm itself reads them


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "path", [path for path in pydicom_files() if path.name not in TWELVE_BITS], ids=lambda path: path.name
)
def test_a_file_of_pydicom_gives_pydicoms_values_or_one_reason(path):
    study = load_study(path)
    assert len(study.series) + len(study.refused) == 1
    if study.refused:
        expected = REFUSED.get(path.name, "imaging.unknown_format")
        assert study.refused[0].key == expected
        assert path.suffix != ".dcm" or path.name in REFUSED
        return
    series = study.series[0]
    if path.name in REFUSED:
        with pytest.raises(RecordError) as caught:
            series.frame(0)
        assert caught.value.key == REFUSED[path.name]
        return
    dataset = dcmread(BytesIO(gzip.decompress(path.read_bytes())) if path.suffix == ".gz" else path)
    expected = reference(dataset)
    expected = expected if len(series) > 1 else expected[None]
    assert len(series) == len(expected)
    for found, wanted in zip(series.frames(), expected, strict=True):
        assert found.pixels.dtype == wanted.dtype
        assert np.array_equal(found.pixels, wanted)


@pytest.mark.parametrize("name", sorted(TWELVE_BITS))
def test_a_jpeg_of_twelve_bits_has_the_values_that_gdcm_reads(name):
    gdcm = pytest.importorskip("gdcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(get_path(name)))
    assert reader.Read()
    raw = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    found = load_study(get_path(name)).series[0].frame(0).pixels
    assert np.array_equal(found, np.frombuffer(raw, "<u2").reshape(1024, 256))
    assert found.max() == 264


def test_the_ct_of_pydicom_has_its_known_hounsfield_values():
    series = load_study(get_path("CT_small.dcm")).series[0]
    frame = series.frame(0)
    assert frame.meaning == "hu"
    assert frame.pixels[0, :3].tolist() == [-849.0, -844.0, -858.0]
    assert (frame.pixels.min(), frame.pixels.max()) == (-896.0, 1167.0)
    assert series.geometry.spacing_mm == pytest.approx((0.661468, 0.661468))
    assert series.geometry.plane == "axial"


def test_all_codings_of_one_picture_give_the_same_values():
    names = ["", "_RLE", "_bigendian", "_expb", "_implicit", "_jp2klossless", "_jpeg_ls_lossless", "_padded"]
    found = [load_study(get_path(f"MR_small{name}.dcm")).series[0].frame(0).pixels for name in names]
    assert all(np.array_equal(found[0], one) for one in found)
    assert found[0].std() > 100


def test_the_frames_of_a_dose_grid_lie_where_its_offsets_say():
    series = load_study(get_path("rtdose.dcm")).series[0]
    assert series.frame(0).meaning == "dose"
    assert len(series) == 15
    assert series.geometry.slice_spacing_mm == pytest.approx(5.0)


def test_reading_is_silent_about_the_values_of_a_file(caplog, capsys):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for name in ("badVR.dcm", "SC_rgb_jpeg.dcm", "reportsi_with_empty_number_tags.dcm"):
            for series in load_study(get_path(name)).series:
                try:
                    series.frame(0)
                except RecordError as error:
                    assert "\n" not in str(error)
    assert not heard
    assert not caplog.records
    assert not capsys.readouterr().err


def test_the_table_of_formats_names_every_file_and_what_came_of_it():
    table = rows()
    files = {path.name for path in pydicom_files() if path.suffix in {".dcm", ".gz"}}
    assert {row.file for row in table} == files
    read = [row for row in table if "float32" in row.outcome or "uint8" in row.outcome]
    assert len({row.transfer_syntax for row in read}) >= 11
    assert {"MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"} <= {
        row.photometric for row in read
    }
    assert all(row.outcome for row in table)


def get_path(name):
    from pathlib import Path

    return Path(get_testdata_file(name))
