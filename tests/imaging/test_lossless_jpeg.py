"""Lossless JPEG frames, read by libjpeg-turbo, hold what was put in and what gdcm reads."""

from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from doctorsun.imaging.opening import load_study

PIXELS = (np.add.outer(np.arange(64), 3 * np.arange(64)) * 7 - 900).astype(np.int16)


def dicom(tmp_path, *, signed):
    """A CT slice of 16 bits in lossless JPEG."""
    made = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    values = PIXELS if signed else PIXELS.astype(np.uint16)
    made.Rows = made.Columns = 64
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, int(signed)
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    made.pop("PixelPaddingValue", None)
    frame = imagecodecs.jpeg8_encode(values.view(np.uint16), lossless=True, bitspersample=16, predictor=1)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    file = BytesIO()
    made.save_as(file, enforce_file_format=True)
    path = tmp_path / "lossless.dcm"
    path.write_bytes(file.getvalue())
    return path, values


@pytest.mark.parametrize("signed", [False, True])
def test_a_grey_frame_holds_what_was_put_in(tmp_path, signed):
    path, values = dicom(tmp_path, signed=signed)
    found = load_study(path).series[0].frame(0).pixels
    assert np.array_equal(found, values.astype(np.float32))
    assert np.array_equal(pydicom.dcmread(path).pixel_array, values)


def test_a_colour_frame_equals_what_gdcm_reads():
    path = get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False)
    found = load_study(Path(path)).series[0].frame(0).pixels
    assert np.array_equal(found, pydicom.dcmread(path).pixel_array)
