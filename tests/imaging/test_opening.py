"""What lies at a path is told by its content; what would lead out, blow up or hang is refused, one by one."""

import gzip
import os
import socket
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.strings import say_in
from doctorsun.imaging.archive import found_files
from doctorsun.imaging.opening import kind_of, load_study
from doctorsun.imaging.study import StudyLimits
from tests.imaging.dicoms import ct_slice, dicom, item, saved, slope


def refused(study):
    """The keys of what was refused, by name; every one has a sentence in both languages."""
    for remark in study.refused:
        for lang in ("en", "zh"):
            assert say_in(lang, remark.key, where=remark.where, **remark.values).startswith(remark.where)
    return {remark.where: remark.key for remark in study.refused}


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def ct_bytes(z=0):
    file = BytesIO()
    ct_slice(z).save_as(file, enforce_file_format=False)
    return file.getvalue()


def png():
    file = BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(file, "PNG")
    return file.getvalue()


def test_nothing_at_a_path_says_so(tmp_path):
    with pytest.raises(DataError) as caught:
        load_study(tmp_path / "gone")
    assert caught.value.key == "imaging.no_such_path"


def test_a_batch_goes_on_past_every_bad_file(tmp_path):
    saved(ct_slice(0), tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes(b"")
    (tmp_path / "c.dcm").write_bytes(b"no image at all")
    (tmp_path / "d.dcm").write_bytes(ct_bytes()[:-40])
    (tmp_path / "e.png").write_bytes(png())
    study = load_study(tmp_path)
    assert {series.format for series in study.series} == {"dicom", "picture"}
    assert refused(study) == {
        "b.dcm": "imaging.empty",
        "c.dcm": "imaging.unknown_format",
        "d.dcm": "imaging.cut_short",
    }


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ct_bytes(), "dicom"),
        (ct_bytes()[132:], "dicom"),
        (b"II*\0" + bytes(124) + ct_bytes()[128:], "dicom"),
        (b"\x7fELF" + bytes(124) + ct_bytes()[128:], "dicom"),
        (gzip.compress(ct_bytes()), "dicom"),
        (struct.pack("<i", 348) + bytes(344), "nifti"),
        (gzip.compress(struct.pack(">i", 348) + bytes(344)), "nifti"),
        (struct.pack("<i", 540) + b"n+2\0" + bytes(532), "nifti"),
        (png(), "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"RIFF0000WEBP", "picture"),
        (b"%PDF-1.7", "unknown"),
        (b"GIF89a", "unknown"),
        (gzip.compress(b"text"), "unknown"),
        (b"", "empty"),
    ],
    ids=range(15),
)
def test_a_file_is_told_by_its_content_whatever_its_name(tmp_path, content, kind):
    (tmp_path / "name.txt").write_bytes(content)
    assert kind_of(found_files(tmp_path).entries[0]) == kind


def test_files_in_a_zip_are_read_as_those_in_a_folder(tmp_path):
    path = zipped(tmp_path / "study.zip", {f"ct/{9 - z}.dcm": ct_bytes(z) for z in range(4)})
    (series,) = load_study(path).series
    assert series.sources == ("ct/9.dcm", "ct/8.dcm", "ct/7.dcm", "ct/6.dcm")
    assert np.array_equal(series.frame(2).pixels, slope() - 1024)
    assert list(tmp_path.iterdir()) == [path]


def test_a_deflated_file_is_read_and_a_deflated_bomb_is_not(tmp_path):
    raw = Path(get_testdata_file("image_dfl.dcm")).read_bytes()
    (tmp_path / "good.dcm").write_bytes(raw)
    end = 144 + int.from_bytes(raw[140:144], "little")
    packer = zlib.compressobj(9, wbits=-15)
    bomb = raw[:end] + b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    (tmp_path / "bomb.dcm").write_bytes(bomb)
    study = load_study(tmp_path)
    assert refused(study) == {"bomb.dcm": "imaging.file_too_large"}
    assert study.series[0].frame(0).pixels.shape == (512, 512)


@pytest.mark.parametrize(
    "name", ["../out.dcm", "a/../../out.dcm", "/etc/out.dcm", "C:\\out.dcm", "C:/out.dcm", "a\\..\\out.dcm"]
)
def test_a_zip_whose_names_lead_out_is_not_opened_there(tmp_path, name):
    path = zipped(tmp_path / "slip.zip", {name: ct_bytes(), "good.dcm": ct_bytes()})
    study = load_study(path)
    assert list(refused(study).values()) == ["imaging.leads_out"]
    assert [series.sources for series in study.series] == [("good.dcm",)]


def test_a_zip_bomb_is_refused_unopened(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"bomb.dcm": bytes(40 * 2**20), "good.dcm": ct_bytes()})
    study = load_study(path)
    assert refused(study) == {"bomb.dcm": "imaging.zip_bomb"}
    assert len(study.series) == 1


def test_a_zip_is_read_up_to_a_total(tmp_path):
    path = zipped(tmp_path / "large.zip", {f"{k}.dcm": os.urandom(1000) for k in range(5)})
    found = found_files(path, StudyLimits(max_total_bytes=3500))
    assert len(found.entries) == 3
    assert {remark.key for remark in found.refused} == {"imaging.file_too_large"}


def test_a_zip_in_a_zip_an_encrypted_member_and_a_link_are_refused(tmp_path):
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.dcm", ct_bytes())
    path = zipped(tmp_path / "outer.zip", {"inner.zip": inner.getvalue(), "locked.dcm": ct_bytes()})
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    raw = bytearray(path.read_bytes())
    for magic, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.rfind(magic, 0, raw.rfind(b"locked.dcm") if magic[2] == 1 else raw.find(b"locked.dcm"))
        raw[at + flag] |= 1
    path.write_bytes(raw)
    assert refused(load_study(path)) == {
        "inner.zip": "imaging.nested_zip",
        "locked.dcm": "imaging.encrypted",
        "link.dcm": "imaging.leads_out",
    }


def test_a_damaged_zip_and_a_damaged_member_say_so(tmp_path):
    (tmp_path / "cut.zip").write_bytes(zipped(tmp_path / "x.zip", {"a.dcm": ct_bytes()}).read_bytes()[:-30])
    assert refused(load_study(tmp_path / "cut.zip")) == {"cut.zip": "imaging.damaged_zip"}
    raw = bytearray((tmp_path / "x.zip").read_bytes())
    raw[60:80] = bytes(20)
    (tmp_path / "y.zip").write_bytes(raw)
    assert refused(load_study(tmp_path / "y.zip")) == {"a.dcm": "imaging.damaged"}


def test_links_that_lead_out_and_special_files_are_never_opened(tmp_path):
    study_folder = tmp_path / "study"
    (study_folder / "sub").mkdir(parents=True)
    saved(ct_slice(0), tmp_path / "outside.dcm")
    saved(ct_slice(0), study_folder / "sub" / "inside.dcm")
    (study_folder / "out.dcm").symlink_to(tmp_path / "outside.dcm")
    (study_folder / "gone.dcm").symlink_to(study_folder / "nothing")
    (study_folder / "up").symlink_to(tmp_path)
    (study_folder / "round").symlink_to(study_folder)
    os.mkfifo(study_folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(study_folder / "socket"))
        study = load_study(study_folder)
    assert refused(study) == {
        "out.dcm": "imaging.leads_out",
        "gone.dcm": "imaging.unreadable",
        "up": "imaging.leads_out",
        "pipe": "imaging.special_file",
        "socket": "imaging.special_file",
    }
    assert [series.sources for series in study.series] == [("sub/inside.dcm",)]
    assert refused(load_study(study_folder / "pipe")) == {"pipe": "imaging.special_file"}


def directory(folder, ids):
    """A DICOMDIR that lists these file ids."""
    found = dicom(slope(), sop_class="1.2.840.10008.1.3.10", syntax=ExplicitVRLittleEndian)
    for keyword in ("PixelData", "Rows", "Columns", "Modality", "SOPClassUID"):
        delattr(found, keyword)
    records = []
    for one in ids:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", one
        records.append(record)
    found.DirectoryRecordSequence = records
    return saved(found, folder / "DICOMDIR")


def test_a_dicomdir_is_a_list_that_cannot_lead_out_of_its_folder(tmp_path):
    folder = tmp_path / "disc"
    (folder / "CT").mkdir(parents=True)
    saved(ct_slice(0), folder / "CT" / "I1")
    saved(ct_slice(2), folder / "CT" / "I2")
    saved(ct_slice(0), tmp_path / "secret")
    path = directory(
        folder, [["CT", "I1"], ["..", "secret"], ["CT", "I9"], ["CT", "../../secret"], "/etc/passwd"]
    )
    study = load_study(path)
    assert [series.sources for series in study.series] == [("CT/I1",)]
    assert refused(study) == {
        "../secret": "imaging.leads_out",
        "CT/I9": "imaging.listed_missing",
        "CT/../../secret": "imaging.leads_out",
        "/etc/passwd": "imaging.leads_out",
    }
    whole = load_study(folder)
    assert whole.series[0].sources == ("CT/I1", "CT/I2")
    assert not whole.refused


def test_limits_of_frames_pixels_and_files_are_checked_before_decoding(tmp_path):
    path = saved(dicom(np.zeros((9, 6, 8), np.uint8), modality="XA"), tmp_path / "film.dcm")
    assert refused(load_study(path, limits=StudyLimits(max_frames=8))) == {
        "film.dcm": "imaging.too_many_frames"
    }
    assert refused(load_study(path, limits=StudyLimits(max_pixels=47))) == {
        "film.dcm": "imaging.too_many_pixels"
    }
    (tmp_path / "other.txt").write_bytes(b"x")
    limited = load_study(tmp_path, limits=StudyLimits(max_files=1))
    assert "imaging.too_many_files" in refused(limited).values()


@pytest.mark.parametrize(
    ("elements", "key"),
    [
        ({"Rows": 0}, "imaging.too_many_pixels"),
        ({"Rows": 60000, "Columns": 60000}, "imaging.too_many_pixels"),
        ({"Rows": 7}, "imaging.cut_short"),
        ({"NumberOfFrames": 1000000}, "imaging.too_many_frames"),
        ({"NumberOfFrames": -1}, "imaging.too_many_frames"),
        ({"BitsAllocated": 12}, "imaging.odd_pixels"),
        ({"BitsStored": 17}, "imaging.odd_pixels"),
        ({"SamplesPerPixel": 4}, "imaging.odd_pixels"),
        ({"PhotometricInterpretation": "CMYK"}, "imaging.odd_pixels"),
    ],
)
def test_headers_that_do_not_fit_their_pixels_are_refused(tmp_path, elements, key):
    path = saved(dicom(slope(), **elements), tmp_path / "odd.dcm")
    assert refused(load_study(path)) == {"odd.dcm": key}


def test_a_video_coding_is_refused_by_its_name(tmp_path):
    dataset = dicom(slope())
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    dataset.PixelData = encapsulate([b"film"])
    study = load_study(saved(dataset, tmp_path / "video.dcm"))
    assert refused(study) == {"video.dcm": "imaging.transfer_syntax"}
    assert "MPEG-4" in study.refused[0].values["found"]


def nested(depth):
    """Sequences in sequences, of undefined length, before the pixels of a file."""
    opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    opened += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    raw = ct_bytes()
    at = raw.find(struct.pack("<HH", 0x0018, 0x0050))
    return raw[:at] + opened * depth + closed * depth + raw[at:]


@pytest.mark.parametrize(("depth", "reads"), [(30, True), (300, False), (5000, False)])
def test_a_file_deeper_than_the_limit_is_refused(tmp_path, depth, reads):
    (tmp_path / "deep.dcm").write_bytes(nested(depth))
    study = load_study(tmp_path)
    assert len(study.series) == int(reads)
    assert reads or refused(study) == {"deep.dcm": "imaging.bad_dicom"}


def test_a_value_longer_than_the_file_and_too_many_elements_are_refused(tmp_path):
    raw = ct_bytes()
    at = raw.find(struct.pack("<HH", 0x0018, 0x0050))
    huge = struct.pack("<HH2sHI", 0x0010, 0x4000, b"UT", 0, 0xFFFFFFF0)
    (tmp_path / "huge.dcm").write_bytes(raw[:at] + huge)
    small = struct.pack("<HH2sH", 0x0009, 0x1000, b"LO", 0)
    (tmp_path / "many.dcm").write_bytes(raw[:at] + small * 60_000 + raw[at:])
    assert set(refused(load_study(tmp_path)).values()) <= {"imaging.bad_dicom", "imaging.no_pixels"}
    assert len(load_study(tmp_path).refused) == 2


def test_a_file_cut_anywhere_is_refused_and_never_a_crash(tmp_path):
    raw = ct_bytes()
    for at in range(1, len(raw) - 1, 13):
        (tmp_path / "cut.dcm").write_bytes(raw[:at])
        study = load_study(tmp_path)
        assert len(study.refused) == 1, at
        assert "\n" not in say_in("en", study.refused[0].key, where="", **study.refused[0].values)


def test_a_compressed_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path):
    dataset = dcmread(get_testdata_file("JPEG2000.dcm"))
    raw = bytearray(dataset.PixelData)
    at = raw.find(b"\xff\x4f\xff\x51")
    raw[at + 8 : at + 12] = (60000).to_bytes(4, "big")
    dataset.PixelData = bytes(raw)
    series = load_study(saved(dataset, tmp_path / "j2k.dcm")).series[0]
    with pytest.raises(RecordError) as caught:
        series.frame(0)
    assert caught.value.key == "imaging.other_size"


def test_a_compressed_picture_that_is_cut_short_is_refused(tmp_path):
    raw = Path(get_testdata_file("SC_rgb_jls_lossy_line.dcm")).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(raw[:-280])
    with pytest.raises(RecordError) as caught:
        load_study(tmp_path).series[0].frame(0)
    assert caught.value.key == "imaging.bad_pixels"


def test_a_companion_of_a_volume_is_no_refused_file(tmp_path):
    (tmp_path / "brain.img").write_bytes(bytes(100))
    assert refused(load_study(tmp_path)) == {"brain.img": "imaging.unknown_format"}
    (tmp_path / "brain.hdr").write_bytes(b"x")
    assert set(refused(load_study(tmp_path))) == {"brain.hdr"}


def test_no_error_quotes_a_value_of_the_patient(tmp_path):
    dataset = ct_slice(
        0, PatientName="Zhang^San", PatientID="P-77", ReferencedImageSequence=item(PatientID="P")
    )
    raw = bytearray(saved(dataset, tmp_path / "x.dcm").read_bytes())
    for at in range(300, len(raw), 41):
        hurt = bytearray(raw)
        hurt[at] ^= 0xFF
        (tmp_path / "x.dcm").write_bytes(hurt)
        study = load_study(tmp_path)
        for remark in study.refused:
            told = say_in("en", remark.key, where=remark.where, **remark.values)
            assert "Zhang" not in told and "P-77" not in told
