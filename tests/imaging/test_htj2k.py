"""High-throughput JPEG 2000 (PS3.5 A.4.4), made by OpenJPH in the test, is read to the value."""

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless, HTJ2KLosslessRPCL

from doctorsun.core.errors import RecordError
from doctorsun.imaging.opening import load_study

VALUES = (np.add.outer(np.arange(64), 3 * np.arange(64)) * 7 - 900).astype(np.int16)
COLOURS = np.stack([np.add.outer(np.arange(32), k * np.arange(48)) % 256 for k in (1, 2, 3)], -1).astype(
    np.uint8
)


def dicom(path, frame, *, syntax, **header):
    made = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    for name, value in header.items():
        setattr(made, name, value)
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    made.pop("PixelPaddingValue", None)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(path, enforce_file_format=True)
    return path


def grey(path, frame, *, signed=True, syntax=HTJ2KLossless):
    sizes = {"Rows": 64, "Columns": 64, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    return dicom(path, frame, syntax=syntax, PixelRepresentation=int(signed), **sizes)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL], ids=["lossless", "rpcl"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_grey_frame_holds_what_was_put_in(tmp_path, signed, syntax):
    values = VALUES if signed else VALUES.view(np.uint16)
    frame = imagecodecs.htj2k_encode(values, reversible=True)
    path = grey(tmp_path / "x.dcm", frame, signed=signed, syntax=syntax)
    found = load_study(path).series[0].frame(0).pixels
    assert np.array_equal(found, values.astype(np.float32))


def test_a_colour_frame_holds_what_was_put_in(tmp_path):
    frame = imagecodecs.htj2k_encode(COLOURS, reversible=True)
    sizes = {"Rows": 32, "Columns": 48, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    colours = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_RCT", "PlanarConfiguration": 0}
    path = dicom(tmp_path / "x.dcm", frame, syntax=HTJ2KLossless, PixelRepresentation=0, **sizes, **colours)
    assert np.array_equal(load_study(path).series[0].frame(0).pixels, COLOURS)


def test_a_frame_that_is_cut_short_is_refused(tmp_path):
    frame = imagecodecs.htj2k_encode(VALUES, reversible=True)
    with pytest.raises(RecordError):
        load_study(grey(tmp_path / "x.dcm", frame[: len(frame) // 3])).series[0].frame(0)
