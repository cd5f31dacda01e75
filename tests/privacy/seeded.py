"""DICOM objects made in code, in which every identifier that a hospital writes is seeded, once and unique.

Invented people: names from short lists, numbers drawn from a generator.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

CT, DX = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1.1"
US, SC = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"
SR, PDF = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.104.1"
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
)
CHARSETS = ("ISO_IR 192", "GB18030", "wrong", "ISO 2022 IR 58")
SURNAMES = (("欧阳", "Ouyang"), ("司徒", "Situ"), ("诸葛", "Zhuge"), ("慕容", "Murong"), ("夏侯", "Xiahou"))
GIVEN = (
    ("建国", "Jianguo"),
    ("婉清", "Wanqing"),
    ("思远", "Siyuan"),
    ("明哲", "Mingzhe"),
    ("雪琴", "Xueqin"),
)
DOCTORS = ("钟离春华", "端木国强", "公孙丽娟", "Featherstonehaugh^Percival", "Wolstenholme^Beatrix")
CITIES = ("海淀区中关村", "浦东新区世纪", "天河区珠江新城", "武侯区人民南")
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


@dataclass
class Seeded:
    """One file: its bytes, its name, its pixels, and every seeded value by kind."""

    raw: bytes
    name: str
    pixels: np.ndarray
    study_date: date
    patient_id: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def left_in(self, raw: bytes) -> dict[str, list[str]]:
        """The seeded values that stand in some bytes, in any encoding and any case."""
        lower = raw.lower()
        found: dict[str, list[str]] = {}
        for kind, texts in self.values.items():
            for text in texts:
                if any(text.encode(codec, "ignore").lower() in lower for codec in ENCODINGS):
                    found.setdefault(kind, []).append(text)
        return found


class Seeder:
    """Draws unique values and remembers them."""

    def __init__(self, number: int, patient: int) -> None:
        self.draw = random.Random(f"object {number}")
        self.own = random.Random(f"patient {patient}")
        self.values: dict[str, list[str]] = {}

    def seed(self, kind: str, text: str, *parts: str) -> str:
        self.values.setdefault(kind, []).extend(parts or [text])
        return text

    def digits(self, count: int) -> str:
        return "".join(self.draw.choice("123456789") for _ in range(count))

    def day(self, first: int, last: int) -> str:
        return (date(first, 1, 1) + timedelta(days=self.draw.randrange(365 * (last - first)))).strftime(
            "%Y%m%d"
        )

    def uid(self) -> str:
        return self.seed("referenced uid", f"1.2.392.200036.{self.digits(9)}.{self.digits(12)}")


def seeded(number: int, *, patient: int = 0, sop_class: str = CT, days: int = 0, size: int = 32) -> Seeded:
    """Object `number` of a patient, `days` after the first study; its number sets syntax and charset."""
    seeder = Seeder(number, patient or number)
    dataset = Dataset()
    charset = CHARSETS[number % len(CHARSETS)]
    dataset.SpecificCharacterSet = "GB18030" if charset == "wrong" else charset
    if charset == "ISO 2022 IR 58":
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 58"]
    studied = _patient(dataset, seeder) + timedelta(days=days)
    _study(dataset, seeder, studied)
    _people(dataset, seeder)
    _orders(dataset, seeder)
    _places(dataset, seeder)
    _hidden(dataset, seeder)
    _nested(dataset, seeder)
    pixels = _picture(dataset, seeder, sop_class, size)
    raw = _written(dataset, seeder, SYNTAXES[number % len(SYNTAXES)], pixels)
    if charset == "wrong":
        raw = raw.replace(b"GB18030 ", b"ISO_IR 6")
    name = (
        f"{seeder.values['patient name'][1]}_{seeder.values['patient id'][0]}/{seeder.draw.random():.12f}.dcm"
    )
    return Seeded(raw, name, pixels, studied, dataset.PatientID, seeder.values)


def _patient(dataset: Dataset, seeder: Seeder) -> date:
    own = seeder.own
    (zh, en), (given_zh, given_en) = own.choice(SURNAMES), own.choice(GIVEN)
    name = f"{en}^{given_en}={zh}^{given_zh}={en}^{given_en.upper()}"
    dataset.PatientName = seeder.seed("patient name", name, zh + given_zh, en + given_en, f"{en} {given_en}")
    dataset.PatientID = seeder.seed("patient id", f"P{own.randrange(10**8, 10**9)}")
    dataset.IssuerOfPatientID = seeder.seed("issuer", "XIEHE-HIS-77")
    dataset.OtherPatientIDs = [seeder.seed("other ids", f"ZY{seeder.digits(8)}") for _ in range(2)]
    item = Dataset()
    item.PatientID = seeder.seed("other ids sequence", f"MZ{seeder.digits(9)}")
    item.IssuerOfPatientID = seeder.seed("other ids sequence", f"SHEBAO{seeder.digits(4)}")
    dataset.OtherPatientIDsSequence = Sequence([item])
    dataset.OtherPatientNames = seeder.seed("relatives", "赫连翠花")
    dataset.PatientMotherBirthName = seeder.seed(
        "relatives", "Vanderbilt^Guinevere", "Vanderbilt", "Guinevere"
    )
    dataset.ResponsiblePerson = seeder.seed("relatives", "令狐冲之", "令狐冲之")
    born = date(1941, 3, 4) + timedelta(own.randrange(9000))
    dataset.PatientBirthDate = seeder.seed("birth date", born.strftime("%Y%m%d"))
    clock = (
        f"0{own.randrange(1, 9)}{own.randrange(10, 59)}{own.randrange(10, 59)}.{own.randrange(10**4, 10**5)}"
    )
    dataset.PatientBirthTime = seeder.seed("birth time", clock)
    dataset.PatientSex, dataset.PatientAge, dataset.PatientWeight = "F", "097Y", "61.5"
    address = f"北京市{own.choice(CITIES)}大街{own.randrange(100, 999)}号院5单元"
    dataset.PatientAddress = seeder.seed("address", address)
    dataset.PatientTelephoneNumbers = seeder.seed("phone", f"138{seeder.digits(8)}")
    mail = seeder.seed("email", f"box{seeder.digits(6)}@hutong-mail.example")
    dataset.PatientComments = f"联系邮箱 {mail}"
    dataset.MilitaryRank = seeder.seed("military rank", "Oberstleutnant")
    dataset.BranchOfService = seeder.seed("military rank", "Gebirgsjaeger")
    dataset.EthnicGroup = seeder.seed("ethnic group", "Tadzhik-Wakhi")
    dataset.Occupation = seeder.seed("occupation", "glassblower 47")
    dataset.InsurancePlanIdentification = seeder.seed("insurance", f"YB-{seeder.digits(8)}")
    dataset.RegionOfResidence = seeder.seed("region", "Xishuangbanna")
    dataset.CountryOfResidence = seeder.seed("region", "Liechtenstein")
    dataset.PatientReligiousPreference = seeder.seed("religion", "Zoroastrian")
    dataset.MedicalRecordLocator = seeder.seed("record locator", f"Regal-{seeder.digits(6)}")
    return date(2021, 1, 1) + timedelta(days=own.randrange(900))


def _study(dataset: Dataset, seeder: Seeder, studied: date) -> None:
    day = seeder.seed("study date", studied.strftime("%Y%m%d"))
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"):
        setattr(dataset, keyword, day)
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "101500"
    dataset.AcquisitionDateTime = f"{day}101501.250000+0800"
    name, number = seeder.values["patient name"][0], seeder.values["patient id"][0]
    dataset.StudyDescription = f"胸部CT平扫 {name} {number}"
    dataset.SeriesDescription = f"Chest 5mm {seeder.values['patient name'][2]}"
    dataset.ProtocolName = f"Thorax_routine tel {seeder.values['phone'][0]}"
    dataset.ImageComments = seeder.seed(
        "image comments", f"复查 {day[:4]}-{day[4:6]}-{day[6:]} 床号{seeder.digits(5)}"
    )
    dataset.AccessionNumber = seeder.seed("accession", f"ACC{seeder.digits(8)}")
    dataset.StudyID = seeder.seed("study id", f"ST{seeder.digits(8)}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = seeder.uid(), seeder.uid()
    dataset.SOPInstanceUID, dataset.FrameOfReferenceUID = seeder.uid(), seeder.uid()
    dataset.BodyPartExamined = "CHEST"
    dataset.Manufacturer, dataset.ManufacturerModelName = "NEUSOFT", "NeuViz 128"


def _people(dataset: Dataset, seeder: Seeder) -> None:
    names = iter(DOCTORS)
    for keyword in (
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "NameOfPhysiciansReadingStudy",
        "OperatorsName",
        "PhysiciansOfRecord",
    ):
        name = next(names)
        setattr(dataset, keyword, seeder.seed(f"people {keyword}", name, *name.split("^")))
    dataset.RequestingPhysician = seeder.seed(
        "people RequestingPhysician", "Ravenscroft^Ottoline", "Ravenscroft"
    )
    dataset.ReferringPhysicianTelephoneNumbers = seeder.seed("phone", f"010-6{seeder.digits(7)}")


def _orders(dataset: Dataset, seeder: Seeder) -> None:
    request = Dataset()
    request.RequestedProcedureID = seeder.seed("requested procedure", f"RP{seeder.digits(8)}")
    request.ScheduledProcedureStepID = seeder.seed("requested procedure", f"SPS{seeder.digits(7)}")
    request.RequestedProcedureDescription = f"增强 {seeder.values['patient name'][0]}"
    dataset.RequestAttributesSequence = Sequence([request])
    dataset.AdmissionID = seeder.seed("admission", f"AD{seeder.digits(8)}")
    dataset.AdmittingDate = seeder.seed("admission", seeder.day(2015, 2019))
    dataset.CurrentPatientLocation = seeder.seed("admission", f"{seeder.digits(2)}病区{seeder.digits(4)}床")
    dataset.PlacerOrderNumberImagingServiceRequest = seeder.seed("order", f"PL{seeder.digits(8)}")
    dataset.FillerOrderNumberImagingServiceRequest = seeder.seed("order", f"FI{seeder.digits(8)}")


def _places(dataset: Dataset, seeder: Seeder) -> None:
    dataset.InstitutionName = seeder.seed("institution", "玉龙雪山人民医院")
    dataset.InstitutionAddress = seeder.seed("institution", "丽江市香格里大道四百一十七号")
    dataset.InstitutionalDepartmentName = seeder.seed("department", "介入放射二病区")
    dataset.StationName = seeder.seed("station", f"CTROOM{seeder.digits(5)}")
    dataset.DeviceSerialNumber = seeder.seed("device serial", f"SN{seeder.digits(8)}")
    dataset.DetectorID = seeder.seed("device serial", f"DET{seeder.digits(7)}")
    dataset.DeviceUID = seeder.seed("device serial", f"1.2.392.200036.77.{seeder.digits(12)}")


def _hidden(dataset: Dataset, seeder: Seeder) -> None:
    private = dataset.private_block(0x0009, "ACME PACS 1.0", create=True)
    private.add_new(0x01, "LO", seeder.seed("private", f"Schwarzenegger{seeder.digits(4)}"))
    item = Dataset()
    item.PatientName = seeder.seed("private sequence", "Podolskaya^Yevgenia", "Podolskaya", "Yevgenia")
    private.add_new(0x02, "SQ", Sequence([item]))
    dataset.add(
        DataElement(0x00087777, "UN", seeder.seed("unknown vr", f"UNKNOWN-{seeder.digits(8)}").encode())
    )
    overlay = seeder.seed("overlay", f"OVERLAYTEXT{seeder.digits(5)}").encode()
    for tag, vr, value in (
        (0x60000010, "US", 8),
        (0x60000011, "US", 16),
        (0x60000022, "LO", seeder.seed("overlay", f"layer of {seeder.digits(7)}")),
        (0x60003000, "OW", overlay),
        (0x50003000, "OW", seeder.seed("curve", f"CURVEDATA{seeder.digits(7)}").encode()),
        (0x50002500, "LO", seeder.seed("curve", f"Kurve {seeder.digits(7)}")),
    ):
        dataset.add(DataElement(tag, vr, value))
    icon = Dataset()
    icon.Rows, icon.Columns, icon.PhotometricInterpretation = 2, 8, "MONOCHROME2"
    icon.SamplesPerPixel, icon.BitsAllocated, icon.BitsStored, icon.HighBit = 1, 8, 8, 7
    icon.PixelRepresentation = 0
    icon.PixelData = seeder.seed("icon", f"ICON{seeder.digits(12)}").encode()
    dataset.IconImageSequence = Sequence([icon])


def _nested(dataset: Dataset, seeder: Seeder) -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, seeder.uid()
    dataset.ReferencedImageSequence = Sequence([reference])
    deep = Dataset()
    deep.PatientID = seeder.seed("nested", f"DEEP{seeder.digits(8)}")
    deep.OperatorsName = seeder.seed("nested", "Zwickelbauer^Kunigunde", "Zwickelbauer")
    for _ in range(10):
        outer = Dataset()
        outer.PurposeOfReferenceCodeSequence = Sequence([deep])
        outer.InstitutionName = "玉龙雪山人民医院"
        deep = outer
    dataset.ContributingEquipmentSequence = Sequence([deep])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "P1", "99X", "check"
    text = Dataset()
    text.ValueType, text.TextValue = (
        "TEXT",
        seeder.seed("content", f"报告写给濮阳文静 {seeder.digits(7)}", "濮阳文静"),
    )
    text.ConceptNameCodeSequence = Sequence([code])
    dataset.AcquisitionContextSequence = Sequence([text])


def _picture(dataset: Dataset, seeder: Seeder, sop_class: str, size: int) -> np.ndarray:
    dataset.SOPClassUID = sop_class
    dataset.Modality = {CT: "CT", DX: "DX", US: "US", SC: "OT", SR: "SR", PDF: "DOC"}[sop_class]
    if sop_class == PDF:
        dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
        dataset.EncapsulatedDocument = seeder.seed("document", f"%PDF {seeder.digits(9)}").encode() + b"\0"
    dataset.Rows = dataset.Columns = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.InstanceNumber = "-1024", "1", "7"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    noise = np.random.default_rng(seeder.draw.randrange(2**32))
    return noise.integers(-1000, 2000, (size, size)).astype(np.int16)


def _written(dataset: Dataset, seeder: Seeder, syntax: str, pixels: np.ndarray) -> bytes:
    head = FileMetaDataset()
    head.MediaStorageSOPClassUID, head.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        dataset.SOPInstanceUID,
    )
    head.TransferSyntaxUID = syntax if syntax in SYNTAXES[:4] else ExplicitVRLittleEndian
    head.SourceApplicationEntityTitle = seeder.seed("file head", f"AE{seeder.digits(8)}")
    head.PrivateInformationCreatorUID = "1.2.3.4"
    head.PrivateInformation = seeder.seed("file head", f"HEAD{seeder.digits(8)}").encode()
    dataset.file_meta = head
    dataset.PixelData = pixels.astype(">i2" if syntax == ExplicitVRBigEndian else "<i2").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax not in SYNTAXES[:4]:
        dataset.compress(syntax, generate_instance_uid=False)
    text = seeder.seed("trailing bytes", f"TRAILER{seeder.digits(9)}").encode()
    # Loose bytes after the data set in one file of six; in the others the padding that the standard allows.
    tail = text if syntax == ImplicitVRLittleEndian else b""
    if not tail:
        dataset.add(DataElement(0xFFFCFFFC, "OB", text))
    dataset.preamble = seeder.seed("preamble", f"MZ PREAMBLE{seeder.digits(9)}").encode().ljust(128, b"\0")
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue() + tail


__all__ = ["CHARSETS", "SYNTAXES", "Seeded", "seeded"]
