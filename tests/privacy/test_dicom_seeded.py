"""Thirty files in which every identifier is seeded: nothing is left, and what is needed stays."""

from datetime import date, datetime
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes as concepts

from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.release import rewrite
from doctorsun.privacy.key import Key
from tests.privacy.seeded import CHARSETS, DX, PDF, SR, SYNTAXES, US, seeded

KEY, OTHER = Key(b"a" * 32), Key(b"b" * 32)
FILES = 30


def cleaned(one, key=KEY, **options):
    made = rewrite(one.raw, name=one.name, key=key, **options)
    assert made.verdict.state == "released", (made.verdict.reason, dict(made.verdict.left))
    return pydicom.dcmread(BytesIO(made.raw))


def day(text):
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a calendar day


def test_the_seeds_are_of_more_than_thirty_kinds_and_stand_in_the_files():
    for number in range(len(SYNTAXES) * len(CHARSETS)):
        one = seeded(number)
        assert len(one.values) >= 40
        deflated = number % len(SYNTAXES) == 3
        assert deflated or len(one.left_in(one.raw)) >= 30


@pytest.mark.parametrize("number", range(FILES))
def test_no_seeded_value_is_left_in_any_byte(number):
    one = seeded(number)
    made = rewrite(one.raw, name=one.name, key=KEY)
    assert made.verdict.state == "released", (made.verdict.reason, dict(made.verdict.left))
    assert one.left_in(made.raw) == {}
    assert one.left_in(made.verdict.name.encode()) == {}
    again = pydicom.dcmread(BytesIO(made.raw))
    assert np.array_equal(again.pixel_array, one.pixels)
    assert "胸部CT平扫" in again.StudyDescription
    assert again.SeriesDescription.startswith("Chest 5mm")


def test_compressed_samples_stay_byte_by_byte():
    for number in (4, 5):
        one = seeded(number)
        assert cleaned(one).PixelData == pydicom.dcmread(BytesIO(one.raw)).PixelData


def test_the_days_between_studies_of_a_patient_stay():
    first, later = seeded(1, patient=7), seeded(2, patient=7, days=123)
    moved = [day(cleaned(one).StudyDate) for one in (first, later)]
    assert moved[1] - moved[0] == later.study_date - first.study_date
    assert moved[0] != first.study_date
    assert cleaned(first).AcquisitionDateTime[:8] == cleaned(first).StudyDate


def test_a_patient_has_one_pseudonym_under_one_key_and_another_under_another():
    first, later = seeded(1, patient=7), seeded(2, patient=7)
    assert cleaned(first).PatientID == cleaned(later).PatientID == cleaned(first).PatientName
    assert cleaned(first).PatientID != cleaned(seeded(3, patient=8)).PatientID
    ours, theirs = cleaned(first), cleaned(first, key=OTHER)
    for keyword in ("PatientID", "StudyInstanceUID", "SOPInstanceUID", "AccessionNumber", "StudyDate"):
        assert ours[keyword].value != theirs[keyword].value


def test_the_file_says_how_it_was_made():
    made = cleaned(seeded(1))
    codes = {item.CodeValue: item.CodeMeaning for item in made.DeidentificationMethodCodeSequence}
    group = concepts.cid7050
    meanings = {getattr(group, name).value: getattr(group, name).meaning for name in group.dir()}
    assert codes == {code: meanings[code] for code in ("113100", "113105", "113107", "113108")}
    assert made.PatientIdentityRemoved == "YES"
    assert "not anonymised" in made.DeidentificationMethod
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "BurnedInAnnotation" not in made
    assert made.PatientAge == "090Y"
    assert made.SpecificCharacterSet == "ISO_IR 192"


def test_the_head_of_the_file_is_new():
    raw = rewrite(seeded(1).raw, name="x", key=KEY).raw
    made = pydicom.dcmread(BytesIO(raw))
    assert raw[:128] == bytes(128)
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in made.file_meta
    assert "PrivateInformation" not in made.file_meta
    assert "DOCTORSUN" in made.file_meta.ImplementationVersionName


def test_dates_can_go_altogether():
    made = cleaned(seeded(1), policy=DicomPolicy(dates="removed"))
    assert made.StudyDate == "" and made.StudyTime == ""
    assert "AcquisitionDateTime" not in made or not made.AcquisitionDateTime
    assert made.LongitudinalTemporalInformationModified == "REMOVED"


def test_characteristics_and_descriptors_can_go_too():
    policy = DicomPolicy(patient_characteristics=False, clean_descriptors=False)
    made = cleaned(seeded(1), policy=policy)
    assert "PatientAge" not in made and "PatientWeight" not in made and made.PatientSex == ""
    assert "StudyDescription" not in made and "SeriesDescription" not in made


def test_an_institution_and_a_device_stay_where_the_policy_says_so():
    one = seeded(1)
    made = cleaned(one, policy=DicomPolicy(institution=True, device_identity=True))
    assert made.InstitutionName == one.values["institution"][0]
    assert made.StationName == one.values["station"][0]
    left = one.left_in(rewrite(one.raw, name="x", key=KEY, policy=DicomPolicy(institution=True)).raw)
    assert set(left) <= {"institution", "department"}


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        (PDF, "privacy.waits_document"),
        (SR, "privacy.waits_structured"),
        (US, "privacy.pixels_unchecked"),
    ],
)
def test_kinds_that_may_tell_names_otherwise_are_held_back(sop_class, reason):
    one = seeded(1, sop_class=sop_class)
    made = rewrite(one.raw, name=one.name, key=KEY, policy=DicomPolicy(pixels="none"))
    assert (made.verdict.state, made.verdict.reason, made.raw) == ("quarantined", reason, b"")


def test_a_document_is_held_back_even_when_a_person_has_looked():
    made = rewrite(seeded(1, sop_class=PDF).raw, name="x", key=KEY, ticked=True)
    assert made.verdict.reason == "privacy.waits_document"


def test_an_x_ray_without_a_look_at_its_pixels_does_not_say_that_it_is_clean():
    made = cleaned(seeded(1, sop_class=DX), policy=DicomPolicy(pixels="none"))
    assert "BurnedInAnnotation" not in made


def test_the_same_file_becomes_the_same_bytes():
    one = seeded(3)
    assert rewrite(one.raw, name=one.name, key=KEY).raw == rewrite(one.raw, name=one.name, key=KEY).raw


def test_no_seeded_value_stands_in_what_is_told():
    one = seeded(1)
    verdict = rewrite(one.raw, name=one.name, key=KEY).verdict
    assert one.left_in(repr(verdict).encode() + str(verdict.as_json()).encode()) == {}
    assert isinstance(one.study_date, date)
