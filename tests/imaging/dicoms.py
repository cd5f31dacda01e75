"""DICOM files for tests: pydicom's own, and ones made in code, with the values that must come out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset, FileDataset, FileMetaDataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from doctorsun.core.errors import RecordError
from doctorsun.core.strings import say_in
from doctorsun.imaging.opening import load_study

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"
SC = "1.2.840.10008.5.1.4.1.1.7"
US = "1.2.840.10008.5.1.4.1.1.6.1"
MG = "1.2.840.10008.5.1.4.1.1.1.2"
AXIAL = [1, 0, 0, 0, 1, 0]


WHEEL = Path(pydicom.__file__).parent / "data" / "test_files"


def pydicom_files():
    """Every file of pydicom's own tests that lies in its wheel."""
    return sorted(path for path in WHEEL.iterdir() if path.is_file())


def slope(rows=6, columns=8, dtype=np.int16):
    """Stored values that differ in every pixel."""
    return (np.arange(rows * columns).reshape(rows, columns) * 3 - 40).astype(dtype)


def dicom(stored, *, sop_class=CT, modality="CT", syntax=ExplicitVRLittleEndian, **elements):
    """A data set with these stored values [rows, columns], [frames, rows, columns] or [rows, columns, 3]."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = sop_class
    found = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    found.SOPClassUID = sop_class
    found.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    found.SeriesInstanceUID = "1.2.3"
    found.Modality = modality
    in_colour = stored.ndim == 3 and stored.shape[-1] == 3
    found.SamplesPerPixel = 3 if in_colour else 1
    found.PhotometricInterpretation = "RGB" if in_colour else "MONOCHROME2"
    if in_colour:
        found.PlanarConfiguration = 0
    elif stored.ndim == 3:
        found.NumberOfFrames = len(stored)
    found.Rows, found.Columns = stored.shape[:2] if in_colour else stored.shape[-2:]
    bits = stored.dtype.itemsize * 8
    found.BitsAllocated = found.BitsStored = bits
    found.HighBit = bits - 1
    found.PixelRepresentation = int(stored.dtype.kind == "i")
    for name, value in elements.items():
        setattr(found, name, value)
    found.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    found["PixelData"].VR = "OW" if bits > 8 else "OB"
    return found


def ct_slice(z, *, number=1, orientation=AXIAL, position=None, value=0, **elements):
    """A slice of a CT at height `z` mm, 0.5 x 0.7 mm pixels, all of one stored value + slope."""
    return dicom(
        slope() + value,
        ImagePositionPatient=list(position or (-10, -20, z)),
        ImageOrientationPatient=orientation,
        PixelSpacing=[0.5, 0.7],
        SliceThickness=2,
        InstanceNumber=number,
        RescaleSlope=1,
        RescaleIntercept=-1024,
        **elements,
    )


def saved(dataset, path):
    """The path, with the data set written there."""
    dataset.save_as(path, enforce_file_format=False)
    return path


def item(**elements):
    """A sequence of one item."""
    one = Dataset()
    for name, value in elements.items():
        setattr(one, name, value)
    return Sequence([one])


def enhanced_ct(heights):
    """An enhanced CT with a frame at each height, in the order given; frame k holds slope + k."""
    frames = np.stack([slope() + number for number in range(len(heights))]).astype(np.int16)
    found = dicom(frames, sop_class=ENHANCED_CT)
    shared = Dataset()
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=AXIAL)
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.5, 0.7], SliceThickness=2)
    shared.FrameVOILUTSequence = item(WindowCenter=40, WindowWidth=400)
    found.SharedFunctionalGroupsSequence = Sequence([shared])
    each = []
    for number, height in enumerate(heights):
        one = Dataset()
        one.PlanePositionSequence = item(ImagePositionPatient=[0, 0, height])
        one.PixelValueTransformationSequence = item(
            RescaleSlope=1, RescaleIntercept=-1000 - number, RescaleType="HU"
        )
        each.append(one)
    found.PerFrameFunctionalGroupsSequence = Sequence(each)
    return found


def pet(**elements):
    """A PET slice with all that an SUV needs: 70 kg, 350 MBq given one half-life before the scan."""
    tracer = {"RadionuclideTotalDose": 350e6, "RadionuclideHalfLife": 3600.0}
    tracer["RadiopharmaceuticalStartTime"] = "090000"
    known = {
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["ATTN", "DECY"],
        "PatientWeight": 70.0,
        "SeriesDate": "20240102",
        "SeriesTime": "100000",
        "AcquisitionDate": "20240102",
        "AcquisitionTime": "100000",
        "RescaleSlope": 2.5,
        "RescaleIntercept": 0,
        "RadiopharmaceuticalInformationSequence": item(**tracer),
    }
    return dicom(slope(dtype=np.uint16), sop_class=PET, modality="PT", **(known | elements))


@dataclass(frozen=True)
class Row:
    """A line of the table of formats."""

    file: str
    transfer_syntax: str
    photometric: str
    outcome: str


def rows():
    """What came of every DICOM file in pydicom's wheel, in the order of transfer syntax and file name."""
    found = []
    for path in pydicom_files():
        if path.suffix in {".dcm", ".gz"}:
            found.append(_row(path))
    return sorted(found, key=lambda row: (row.transfer_syntax, row.file))


def _row(path):
    header = dcmread(path, force=True, stop_before_pixels=True) if path.suffix == ".dcm" else Dataset()
    syntax = UID(getattr(header, "file_meta", {}).get("TransferSyntaxUID", ""))
    photometric = str(header.get("PhotometricInterpretation", ""))
    return Row(path.name, syntax.name or "-", photometric or "-", outcome(path))


def outcome(path):
    """What a file is read as, or why it is refused, in English."""
    study = load_study(path)
    for remark in study.refused:
        return say_in("en", remark.key, where=remark.where, **remark.values).partition(": ")[2]
    series = study.series[0]
    try:
        frame = series.frame(0)
    except RecordError as error:
        return str(error).partition(": ")[2]
    shape = " x ".join(map(str, frame.pixels.shape))
    return f"{len(series)} x {shape} {frame.pixels.dtype}, {frame.meaning}"
