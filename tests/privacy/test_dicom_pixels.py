"""Samples: searched where the policy says so, blanked in place, written back with the same meaning."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from doctorsun.core.errors import MissingExtra
from doctorsun.privacy import burned
from doctorsun.privacy.dicom.kinds import kind_of, wants_pixel_check
from doctorsun.privacy.dicom.pixels import sample_places
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.release import rewrite
from doctorsun.privacy.key import Key
from tests.privacy.seeded import CT, DX, SC, US, seeded

KEY = Key(b"p" * 32)


@pytest.fixture
def blanking(monkeypatch):
    """A stand-in that finds text in the first eight rows of every frame, and one look later none."""

    def clean(pixels, *, keep=()):
        made = pixels.copy()
        made[:, :8] = made.min()
        boxes = ((burned.Box(0, 0, pixels.shape[2], 8, 1.0, "x"),),) * len(pixels)
        return burned.PixelOutcome(made, boxes, checked=True)

    monkeypatch.setattr(burned, "clean_pixels", clean)


@pytest.fixture
def finding_nothing(monkeypatch):
    monkeypatch.setattr(
        burned, "clean_pixels", lambda pixels, keep=(): burned.PixelOutcome(pixels, ((),) * len(pixels), True)
    )


@pytest.mark.parametrize("number", range(6))
def test_blanked_samples_are_written_back_in_every_transfer_syntax(blanking, number):
    one = seeded(number, sop_class=DX)
    told = rewrite(one.raw, name=one.name, key=KEY)
    assert told.verdict.state == "released" and told.verdict.counts["boxes_blanked"] == 1
    made = pydicom.dcmread(BytesIO(told.raw))
    assert made.BurnedInAnnotation == "NO"
    assert np.array_equal(made.pixel_array[8:], one.pixels[8:])
    assert (made.pixel_array[:8] == one.pixels.min()).all()
    assert (made.BitsStored, made.PixelRepresentation) == (16, 1)
    assert "113101" in {item.CodeValue for item in made.DeidentificationMethodCodeSequence}


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_colour_is_written_back_pixel_by_pixel(blanking, syntax):
    source = pydicom.dcmread(BytesIO(seeded(0, sop_class=US).raw))
    colours = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    source.Rows = source.Columns = 16
    source.NumberOfFrames, source.SamplesPerPixel, source.PhotometricInterpretation = 2, 3, "RGB"
    source.BitsAllocated, source.BitsStored, source.HighBit, source.PixelRepresentation = 8, 8, 7, 0
    source.PlanarConfiguration = 0 if syntax else 1
    source.PixelData = np.ascontiguousarray(colours if syntax else colours.transpose(0, 3, 1, 2)).tobytes()
    if syntax:
        source.compress(syntax, generate_instance_uid=False)
    file = BytesIO()
    source.save_as(file)
    told = rewrite(file.getvalue(), name="x", key=KEY, ticked=True)
    assert told.verdict.state == "released"
    made = pydicom.dcmread(BytesIO(told.raw))
    assert (made.PlanarConfiguration, made.PhotometricInterpretation) == (0, "RGB")
    assert np.array_equal(made.pixel_array[:, 8:], colours[:, 8:])


def test_clean_samples_stay_byte_by_byte(finding_nothing):
    one = seeded(4, sop_class=DX)
    made = pydicom.dcmread(BytesIO(rewrite(one.raw, name=one.name, key=KEY).raw))
    assert made.PixelData == pydicom.dcmread(BytesIO(one.raw)).PixelData
    assert made.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("sop_class", [US, SC])
def test_pictures_need_a_clean_look_and_a_person(finding_nothing, sop_class):
    one = seeded(1, sop_class=sop_class)
    waits = rewrite(one.raw, name=one.name, key=KEY).verdict
    assert (waits.state, waits.reason) == ("quarantined", "privacy.waits_picture")
    assert rewrite(one.raw, name=one.name, key=KEY, ticked=True).verdict.state == "released"
    unseen = rewrite(one.raw, name=one.name, key=KEY, ticked=True, policy=DicomPolicy(pixels="none")).verdict
    assert (unseen.state, unseen.reason) == ("quarantined", "privacy.pixels_unchecked")


def test_text_that_comes_back_after_blanking_holds_the_file(monkeypatch):
    monkeypatch.setattr(
        burned,
        "clean_pixels",
        lambda pixels, keep=(): burned.PixelOutcome(pixels, ((),) * len(pixels), False),
    )
    told = rewrite(seeded(1, sop_class=DX).raw, name="x", key=KEY)
    assert (told.verdict.reason, told.raw) == ("privacy.pixels_left", b"")


def test_without_ocr_what_should_be_searched_is_held(monkeypatch):
    def missing(pixels, *, keep=()):
        raise MissingExtra("privacy.burned", "privacy")

    monkeypatch.setattr(burned, "clean_pixels", missing)
    assert (
        rewrite(seeded(1, sop_class=DX).raw, name="x", key=KEY).verdict.reason == "privacy.pixels_unchecked"
    )
    assert rewrite(seeded(1, sop_class=CT).raw, name="x", key=KEY).verdict.state == "released"


def test_samples_that_do_not_decode_are_held():
    source = pydicom.dcmread(BytesIO(seeded(4, sop_class=DX).raw))
    source.PixelData = pydicom.encaps.encapsulate([b"\0\1\2\3" * 16])
    file = BytesIO()
    source.save_as(file)
    assert rewrite(file.getvalue(), name="x", key=KEY).verdict.reason == "privacy.pixels_unreadable"


def test_which_pictures_are_searched():
    def asks(pixels, lot=1, **changes):
        source = pydicom.dcmread(BytesIO(seeded(0, sop_class=changes.pop("sop_class", CT)).raw))
        for keyword, value in changes.items():
            setattr(source, keyword, value)
        return wants_pixel_check(source, kind_of(source), DicomPolicy(pixels=pixels), lot=lot)

    assert not asks("modality") and asks("all")
    assert asks("modality", BurnedInAnnotation="YES") and asks("modality", sop_class=DX)
    assert asks("sample", lot=20) and not asks("sample", lot=21)
    assert asks("modality", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    assert not asks("none", sop_class=DX)


def test_a_capture_under_the_name_of_a_ct_is_a_picture():
    source = pydicom.dcmread(BytesIO(seeded(0).raw))
    assert kind_of(source) == "slices"
    source.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    assert kind_of(source) == "pictures"
    source.SOPClassUID = "1.2.3.4.5"
    source.ImageType = ["ORIGINAL", "PRIMARY"]
    assert kind_of(source) == "unknown"


def test_a_comment_in_the_head_of_a_compressed_frame_is_searched_and_taken_out():
    source = pydicom.dcmread(BytesIO(seeded(5).raw))
    (frame,) = pydicom.encaps.generate_frames(source.PixelData, number_of_frames=1)
    comment = (
        b"\xff\xfe" + (len(str(source.PatientID)) + 2).to_bytes(2, "big") + str(source.PatientID).encode()
    )
    source.PixelData = pydicom.encaps.encapsulate([frame[:2] + comment + frame[2:]])
    file = BytesIO()
    source.save_as(file)
    raw = file.getvalue()
    (_, place) = sample_places(pydicom.dcmread(BytesIO(raw)), raw)
    assert raw.find(comment) < place.start
    told = rewrite(raw, name="x", key=KEY)
    assert (told.verdict.state, told.verdict.counts["bytes_in_frames"]) == ("released", 1)
    assert comment not in told.raw
