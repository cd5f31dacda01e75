"""Compressed frames and native samples keep the picture and nothing else."""

import struct
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.release import rewrite
from doctorsun.privacy.dicom.streams import bare
from doctorsun.privacy.key import Key
from tests.privacy.seeded import CT, seeded

KEY = Key(b"p" * 32)
HIDDEN = b"INVENTED^NAME"
GRADIENT = np.add.outer(np.arange(24, dtype=np.uint8) * 5, np.arange(32, dtype=np.uint8) * 3)


def jpeg(**options):
    file = BytesIO()
    Image.fromarray(GRADIENT).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def jpeg_2000(**options):
    file = BytesIO()
    Image.fromarray(GRADIENT).save(file, "JPEG2000", irreversible=False, **{"no_jp2": True, **options})
    return file.getvalue()


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def opened(raw):
    return np.asarray(Image.open(BytesIO(raw)))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_loses_comments_segments_and_what_follows_its_end(progressive):
    raw = jpeg(progressive=progressive)
    dirty = raw[:2] + segment(0xFE, HIDDEN) + segment(0xE1, b"Exif\0\0" + HIDDEN) + raw[2:] + HIDDEN
    clean = bare(dirty)
    assert HIDDEN not in clean
    assert np.array_equal(opened(clean), opened(raw))
    assert bare(clean) == clean


def test_a_comment_between_the_scans_of_a_progressive_jpeg_goes_too():
    raw = jpeg(progressive=True)
    scans = [at for at in range(len(raw) - 1) if raw[at : at + 2] == b"\xff\xda"]
    dirty = raw[: scans[1]] + segment(0xFE, HIDDEN) + raw[scans[1] :]
    clean = bare(dirty)
    assert HIDDEN not in clean and np.array_equal(opened(clean), opened(raw))


def test_the_colour_transform_of_adobe_stays_without_what_hangs_on_it():
    raw = jpeg()
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01" + HIDDEN)
    clean = bare(raw[:2] + adobe + raw[2:])
    assert b"Adobe" in clean and HIDDEN not in clean


def test_a_jpeg_2000_loses_comments_of_both_heads_and_what_follows_its_end():
    raw = jpeg_2000()
    tile = raw.index(b"\xff\x90")
    comment = segment(0x64, b"\0\1" + HIDDEN)
    length = struct.unpack_from(">I", raw, tile + 6)[0]
    head = raw[tile : tile + 6] + struct.pack(">I", length + len(comment)) + raw[tile + 10 : tile + 12]
    dirty = raw[:tile] + comment + head + comment + raw[tile + 12 :] + HIDDEN
    clean = bare(dirty)
    assert HIDDEN not in clean
    assert np.array_equal(opened(clean), GRADIENT)


def test_boxes_around_a_jpeg_2000_stream_are_left_behind():
    raw = jpeg_2000(no_jp2=False)
    box = struct.pack(">I", 8 + len(HIDDEN)) + b"xml " + HIDDEN
    stream = raw.index(b"jp2c") - 4
    clean = bare(raw[:stream] + box + raw[stream:])
    assert HIDDEN not in clean and np.array_equal(opened(clean), GRADIENT)


@pytest.mark.parametrize("cut", [3, 30, 200, -1])
def test_a_damaged_stream_is_refused(cut):
    with pytest.raises(ValueError, match=r"marker|cut|end"):
        bare(jpeg()[:cut])


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_released_file_keeps_no_hidden_byte_and_every_pixel(syntax):
    source = pydicom.dcmread(BytesIO(seeded(0, sop_class=CT).raw))
    source.Rows, source.Columns = GRADIENT.shape
    source.BitsAllocated = source.BitsStored = 8
    source.HighBit, source.PixelRepresentation = 7, 0
    for name in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        source.pop(name, None)
    source.PixelData = GRADIENT.tobytes()
    source["PixelData"].VR = "OB"
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    if syntax == JPEGBaseline8Bit:
        frame = jpeg()
        source.file_meta.TransferSyntaxUID = syntax
    elif syntax == JPEG2000Lossless:
        frame = jpeg_2000()
        source.file_meta.TransferSyntaxUID = syntax
    else:
        source.compress(syntax, generate_instance_uid=False)
        frame = next(pydicom.encaps.generate_frames(source.PixelData, number_of_frames=1)).rstrip(b"\0")
    pixels = opened(frame) if syntax == JPEGBaseline8Bit else GRADIENT
    marked = (
        frame[:2] + segment(0xFE, HIDDEN) + frame[2:]
        if syntax in (JPEGBaseline8Bit, JPEGLSLossless)
        else frame
    )
    source.PixelData = encapsulate([marked + HIDDEN])
    source["PixelData"].is_undefined_length = True
    file = BytesIO()
    source.save_as(file, enforce_file_format=True)
    told = rewrite(file.getvalue(), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none"))
    assert told.verdict.state == "released"
    assert told.verdict.counts["bytes_in_frames"] == 1
    assert HIDDEN not in told.raw
    assert np.array_equal(pydicom.dcmread(BytesIO(told.raw)).pixel_array, pixels)


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_those_stored_are_masked(signed):
    source = pydicom.dcmread(BytesIO(seeded(0, sop_class=CT).raw))
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    source.Rows = source.Columns = 8
    source.BitsAllocated, source.BitsStored, source.HighBit, source.PixelRepresentation = 16, 12, 11, signed
    values = (np.arange(64) * 31 - (900 if signed else 0)).astype(np.int16)
    hidden = (values.astype(np.uint16) & 0x0FFF) | 0x5000
    source.PixelData = hidden.tobytes()
    source["PixelData"].VR = "OW"
    file = BytesIO()
    source.save_as(file, enforce_file_format=True, implicit_vr=False, little_endian=True)
    told = rewrite(file.getvalue(), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none"))
    assert told.verdict.counts["bits_above_samples"] == 1
    made = np.frombuffer(pydicom.dcmread(BytesIO(told.raw)).PixelData, np.int16)
    assert np.array_equal(made, values)


def test_a_file_that_says_it_has_burned_in_text_waits_where_nobody_looks():
    source = pydicom.dcmread(BytesIO(seeded(0, sop_class=CT).raw))
    source.BurnedInAnnotation = "YES"
    file = BytesIO()
    source.save_as(file, enforce_file_format=True)
    told = rewrite(file.getvalue(), name="a.dcm", key=KEY, policy=DicomPolicy(pixels="none"))
    assert (told.verdict.state, told.verdict.reason) == ("quarantined", "privacy.pixels_unchecked")
