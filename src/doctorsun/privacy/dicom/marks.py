"""What a de-identified file says of itself: how it was made, and a file head that tells nothing else."""

from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items

from doctorsun import __version__
from doctorsun.core.strings import say_in
from doctorsun.privacy.dicom.policy import DicomPolicy

# CID 7050, De-identification Method.
MEANINGS = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
IMPLEMENTATION_UID = "2.25.163541822904790716563304823179446210517"
UTF_8 = "ISO_IR 192"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def mark(dataset: Dataset, policy: DicomPolicy, *, pixels_checked: bool) -> None:
    """Write into a data set how it was de-identified (PS3.15 E.1.1)."""
    dataset.SpecificCharacterSet = UTF_8
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = say_in("en", "privacy.dicom_method", version=__version__)
    codes = policy.codes(pixels_checked=pixels_checked)
    dataset.DeidentificationMethodCodeSequence = Items([_coded(code) for code in codes])
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if policy.dates == "shifted" else "REMOVED"
    if pixels_checked:
        dataset.BurnedInAnnotation = "NO"


def new_head(source: Any, dataset: Dataset) -> FileMetaDataset:  # noqa: ANN401 - pydicom's file meta
    """The file meta information of the new file: its kind, its name, its encoding, and who wrote it."""
    syntax = source.get("TransferSyntaxUID")
    head = FileMetaDataset()
    head.MediaStorageSOPClassUID = dataset.SOPClassUID
    head.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    head.TransferSyntaxUID = EXPLICIT_LITTLE if syntax in {None, DEFLATED} else syntax
    head.ImplementationClassUID = IMPLEMENTATION_UID
    head.ImplementationVersionName = f"DOCTORSUN {__version__}"[:16]
    return head


def _coded(code: str) -> Dataset:
    item = Dataset()
    item.CodeValue = code
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = MEANINGS[code]
    return item
