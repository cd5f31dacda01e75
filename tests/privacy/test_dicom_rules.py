"""Every element is decided by rule: the standard's table, its VR, our lists; what no rule knows goes."""

from io import BytesIO

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, RecordError
from doctorsun.privacy.dicom.dates import shifted, spellings
from doctorsun.privacy.dicom.identity import identity_of
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.release import rewrite
from doctorsun.privacy.dicom.table import ACTIONS, action_of, group_out, is_public_uid, keyword_of, listed
from doctorsun.privacy.key import Key

KEY = Key(b"r" * 32)
LISTS = ("descriptors", "also_out", "technical", "bulk", "institution", "device_identity")
CT = "1.2.840.10008.5.1.4.1.1.2"


def ct(**elements):
    """A small CT slice with some elements."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = CT, "1.2.3.99.1", "CT"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.99.2", "1.2.3.99.3"
    dataset.PatientID = "HOSP0099887"
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = b"\1\2\3\4"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def raw_of(dataset, syntax=ExplicitVRLittleEndian):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def made(dataset, syntax=ExplicitVRLittleEndian, **options):
    told = rewrite(raw_of(dataset, syntax), name="1.dcm", key=KEY, **options)
    assert told.verdict.state == "released", told.verdict
    return pydicom.dcmread(BytesIO(told.raw))


def test_our_lists_name_real_elements_and_do_not_contradict_each_other():
    for name in LISTS:
        for keyword in listed(name):
            tag = pydicom.datadict.tag_for_keyword(keyword)
            assert tag is not None, f"{name}: {keyword}"
            assert keyword_of(tag) == keyword
    assert not listed("technical") & (listed("also_out") | listed("descriptors"))
    for keyword in listed("technical") | listed("also_out"):
        assert action_of(pydicom.datadict.tag_for_keyword(keyword)) is None, keyword


def test_the_table_is_the_standards_own_and_whole():
    tags = [tag for tag in pydicom.datadict.DicomDictionary if action_of(tag)]
    assert len(tags) > 580
    assert {action_of(tag) for tag in tags} == set(ACTIONS)
    assert action_of(0x00100010) == "Z" and action_of(0x00080018) == "U" and action_of(0x00104000) == "X"


def test_whole_groups_go():
    told = {group: group_out(group) for group in (0x0009, 0x5002, 0x60FE, 0x0400, 0x4008, 0x2010, 0xFFFA)}
    assert told[0x0009] == "private" and told[0x5002] == "curve" and told[0x60FE] == "overlay"
    assert all(told.values())
    assert not any(group_out(group) for group in (0x0008, 0x0010, 0x0018, 0x0028, 0x0054, 0x7FE0))


@pytest.mark.parametrize("tag", sorted(pydicom.datadict.DicomDictionary)[::7])
def test_a_text_in_any_element_of_the_dictionary_does_not_come_through(tag):
    if tag >> 16 in {0x0000, 0x0002, 0x0004, 0xFFFE} or tag in {
        0x00080005,
        0x7FE00010,
        0x7FE00008,
        0x7FE00009,
    }:
        return
    vr = pydicom.datadict.dictionary_VR(tag)
    if vr not in {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "UR", "OB", "UN"}:
        return
    secret = "HOSP0099887"
    dataset = ct()
    if tag in dataset:
        return
    dataset.add(DataElement(tag, vr, secret.encode() + b"\0" if vr in {"OB", "UN"} else secret))
    told = rewrite(raw_of(dataset), name="1.dcm", key=KEY)
    assert secret.encode() not in told.raw


def test_a_value_under_a_wrong_vr_does_not_come_through():
    for keyword, vr in (("PatientAddress", "CS"), ("ReferringPhysicianName", "LO"), ("Manufacturer", "PN")):
        dataset = ct()
        tag = pydicom.datadict.tag_for_keyword(keyword)
        dataset.add(DataElement(tag, vr, "WANGXIAOMING"))
        assert b"WANGXIAOMING" not in rewrite(raw_of(dataset), name="1.dcm", key=KEY).raw


def test_numbers_and_codes_that_are_none_are_emptied():
    raw = raw_of(ct(SliceThickness="5.0", BodyPartExamined="CHEST"))
    raw = raw.replace(b"CHEST ", b"Wang X").replace(b"5.0 ", b"Wang")
    told = rewrite(raw, name="1.dcm", key=KEY)
    assert b"Wang" not in told.raw


def test_uids_keep_their_ties_and_standard_uids_stay():
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, "1.2.3.99.1"
    told = made(ct(SourceImageSequence=Sequence([item]), FrameOfReferenceUID="1.2.840.10008.1.4.1.1"))
    reference = told.SourceImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == told.SOPInstanceUID == KEY.uid("1.2.3.99.1")
    assert reference.ReferencedSOPClassUID == told.SOPClassUID == CT
    assert told.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert made(ct(FrameOfReferenceUID="1.2.840.10008.WANG")).FrameOfReferenceUID.startswith("2.25.")


@pytest.mark.parametrize(
    ("vr", "text", "moved"),
    [
        ("DA", "20240301", "20240220"),
        ("DA", "2024.03.01", "20240220"),
        ("DT", "20240301101112.5+0800", "20240220101112.5+0800"),
        ("DT", "202403", "202402"),
        ("TM", "101112.25", "101112.25"),
        ("DA", "20230230", None),
        ("DA", "Zhang San", None),
        ("DT", "20240301Zhang", None),
        ("TM", "noon", None),
        ("DA", "00010102", None),
    ],
)
def test_dates_move_by_days_and_impossible_ones_are_none(vr, text, moved):
    assert shifted(vr, text, -10) == moved


def test_a_day_is_known_in_the_spellings_of_reports():
    found = spellings("20240105")
    assert {"20240105", "2024-01-05", "2024/01/05", "2024年1月5日", "05.01.2024"} <= set(found)
    assert spellings("2024") == []


def test_an_impossible_date_is_emptied_and_counted():
    told = rewrite(raw_of(ct(StudyDate="20241301")), name="1.dcm", key=KEY)
    assert told.verdict.counts["date_impossible"] == 1
    assert pydicom.dcmread(BytesIO(told.raw)).StudyDate == ""


@pytest.mark.parametrize(
    ("age", "kept"), [("089Y", "089Y"), ("090Y", "090Y"), ("103Y", "090Y"), ("003M", "003M")]
)
def test_ages_are_capped_at_ninety(age, kept):
    assert made(ct(PatientAge=age)).PatientAge == kept


def test_a_person_without_an_id_is_known_by_name_and_birth_then_by_study():
    named = ct(PatientID="", PatientName="Doe^Jane", PatientBirthDate="19500101")
    twin = ct(PatientID="", PatientName="Doe^Jane", PatientBirthDate="19600101")
    nobody = ct(PatientID="")
    found = [identity_of(dataset, KEY) for dataset in (named, twin, nobody)]
    assert [one.basis for one in found] == ["name", "name", "study"]
    assert len({one.pseudonym for one in found}) == 3
    issued = ct(IssuerOfPatientID="B")
    assert identity_of(issued, KEY).pseudonym != identity_of(ct(), KEY).pseudonym
    assert "HOSP" not in repr(identity_of(ct(), KEY))


def test_private_elements_stay_only_when_listed_for_their_creator():
    def vendor():
        dataset = ct()
        for creator, group in (("ACME MR", 0x0019), ("OTHER", 0x0021)):
            block = dataset.private_block(group, creator, create=True)
            block.add_new(0x0C, "IS", "1000")
            block.add_new(0x0D, "LO", "note")
        return dataset

    assert not [element for element in made(vendor()) if element.tag.is_private]
    told = made(vendor(), policy=DicomPolicy(private=("ACME MR|0019|0C",)))
    assert [f"{element.tag:08X}" for element in told if element.tag.is_private] == ["00190010", "0019100C"]
    assert told[0x0019, 0x100C].value == 1000
    assert "113111" in {item.CodeValue for item in told.DeidentificationMethodCodeSequence}


def test_a_private_list_that_is_none_is_refused():
    with pytest.raises(ConfigError):
        validate(DicomPolicy, {"private": ["ACME"]}, where="policy")


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("GB18030", "gb18030", "胸部平扫增强"),
        ("ISO_IR 100", "gb18030", "胸部平扫增强"),
        ("ISO_IR 100", "utf-8", "胸部平扫增强"),
        ("ISO_IR 192", "gb18030", "胸部平扫增强"),
        ("GB18030", "utf-8", "胸部平扫增强"),
        ("ISO_IR 100", "gb18030", "胸部喆平扫"),
        ("ISO_IR 100", "latin-1", "Schädel für Übersicht"),
    ],
)
def test_texts_are_read_right_also_under_a_wrong_charset(declared, codec, text):
    raw = text.encode(codec)
    dataset = ct(SpecificCharacterSet=declared, SeriesDescription="X" * len(raw))
    source = raw_of(dataset).replace(b"X" * len(raw), raw)
    told = rewrite(source, name="1.dcm", key=KEY)
    assert pydicom.dcmread(BytesIO(told.raw)).SeriesDescription == text


def test_each_text_of_a_header_is_read_in_its_own_charset():
    dataset = ct(SpecificCharacterSet="ISO_IR 100", SeriesDescription="X" * 12, StudyDescription="Y" * 8)
    words = "胸部平扫增强".encode("gb18030"), "头颅".encode() + b"CT"
    source = raw_of(dataset).replace(b"X" * 12, words[0]).replace(b"Y" * 8, words[1])
    made = pydicom.dcmread(BytesIO(rewrite(source, name="1.dcm", key=KEY).raw))
    assert (made.SeriesDescription, made.StudyDescription) == ("胸部平扫增强", "头颅CT")


def test_sequences_beyond_the_depth_are_refused():
    deep = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.PurposeOfReferenceCodeSequence = Sequence([deep])
        deep = outer
    with pytest.raises(RecordError) as caught:
        rewrite(raw_of(ct(ContributingEquipmentSequence=Sequence([deep]))), name="1.dcm", key=KEY)
    assert caught.value.key == "privacy.too_deep"


def test_too_many_elements_are_refused():
    items = Sequence([Dataset() for _ in range(40)])
    for item in items:
        item.CodeValue = "A"
    with pytest.raises(RecordError) as caught:
        policy = DicomPolicy(max_elements=30)
        rewrite(raw_of(ct(ProcedureCodeSequence=items)), name="1.dcm", key=KEY, policy=policy)
    assert caught.value.key == "privacy.too_many_elements"


def test_an_implicit_file_keeps_its_encoding_and_its_tables():
    dataset = ct(SmallestImagePixelValue=1, PixelPaddingValue=0)
    told = made(dataset, ImplicitVRLittleEndian)
    assert told.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert (told.SmallestImagePixelValue, told.PixelPaddingValue) == (1, 0)


def test_an_overlay_inside_the_samples_holds_the_file():
    dataset = ct()
    dataset.add(DataElement(0x60000102, "US", 12))
    told = rewrite(raw_of(dataset), name="1.dcm", key=KEY)
    assert (told.verdict.reason, told.raw) == ("privacy.waits_overlay", b"")


def test_slices_of_a_head_carry_a_note_on_faces():
    told = rewrite(raw_of(ct(BodyPartExamined="HEAD")), name="1.dcm", key=KEY)
    assert told.verdict.notes == ("privacy.face",)


def test_bytes_after_the_declared_samples_do_not_come_through():
    one = ct()
    one.PixelData += b"Jia Yucun 13812345678 "
    made = rewrite(raw_of(one), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none"))
    assert made.verdict.state == "released"
    assert made.verdict.counts["bytes_after_samples"] == 1
    assert b"13812345678" not in made.raw
    assert pydicom.dcmread(BytesIO(made.raw)).PixelData == b"\1\2\3\4"


@pytest.mark.parametrize("odd", [{"SamplesPerPixel": 3}, {"ImageType": ["DERIVED", "SECONDARY"]}])
def test_a_slice_in_colour_or_secondary_of_eight_bits_is_a_picture_and_waits(odd):
    one = ct(**odd)
    one.PixelData = bytes(12 if "SamplesPerPixel" in odd else 4)
    made = rewrite(raw_of(one), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none"))
    assert made.verdict.state == "quarantined"


def test_prose_is_cleaned_and_codes_stay_as_they_are():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "10200004", "SCT"
    code.CodeMeaning = "主治医师：贾雨村 13812345678"
    one = ct(AnatomicRegionSequence=Sequence([code]), WindowCenter=1, WindowWidth=2)
    one.WindowCenterWidthExplanation = "Dr. Yucun Jia"
    made = pydicom.dcmread(
        BytesIO(rewrite(raw_of(one), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none")).raw)
    )
    assert made.AnatomicRegionSequence[0].CodeValue == "10200004"
    assert "贾雨村" not in made.AnatomicRegionSequence[0].CodeMeaning
    assert "13812345678" not in made.AnatomicRegionSequence[0].CodeMeaning
    assert "Yucun" not in str(made.WindowCenterWidthExplanation)


@pytest.mark.parametrize(
    ("uid", "public"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),
        ("2.16.840.1.113883.6.96", True),
        ("2.16.840.1.113883.6.20240305143000123", False),
        ("1.2.840.10008.5.1.4.20240305143000", False),
        ("1.2.826.0.1.3680043.8.498.1", False),
    ],
)
def test_only_short_numbers_of_the_standards_stay(uid, public):
    assert is_public_uid(uid) is public
