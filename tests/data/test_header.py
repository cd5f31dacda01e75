"""Pictures that are taken as they are, and pictures that are read only when they are asked for."""

import json
import pickle
from io import BytesIO

import pytest
from PIL import Image

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture
from doctorsun.data.build import build
from doctorsun.data.checks import Fault, check_picture
from doctorsun.data.config import PictureConfig
from doctorsun.data.dataset import open_dataset
from doctorsun.data.header import check_headers
from doctorsun.data.miniature import tiny_picture
from doctorsun.data.pictures import PictureFile, named, size_of, state_of
from tests.data.invented import recipe, write_sources

CONFIG = PictureConfig(check="header")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_plain_file_keeps_its_bytes_and_its_pixels_are_not_read(kind, monkeypatch):
    monkeypatch.setattr("doctorsun.data.header.check_picture", None)
    raw = tiny_picture("x", kind=kind)
    (found,) = check_headers([Picture(raw, "x")], CONFIG)
    assert found.picture.bytes == raw
    assert found.changed is None
    assert found.pixels != check_picture(Picture(raw, "x"), CONFIG).pixels


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_that_is_cut_short_is_refused_as_by_the_full_check(kind):
    raw = tiny_picture("x", size=(90, 70), kind=kind)
    assert check_headers([Picture(raw[:-40], "x")], CONFIG) == Fault("imaging.damaged")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_that_says_it_lies_on_its_side_is_turned(kind):
    image = Image.open(BytesIO(tiny_picture("x", size=(90, 70), kind="PNG")))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    image.save(file, kind, exif=exif)
    (found,) = check_headers([Picture(file.getvalue(), "x")], CONFIG)
    assert found.changed == "data.picture_converted"
    assert Image.open(BytesIO(found.picture.bytes)).size == (70, 90)


def test_a_png_is_not_decoded_to_learn_whether_it_is_turned(monkeypatch):
    raw = tiny_picture("x", kind="PNG")
    monkeypatch.setattr(Image.Image, "getexif", None)
    (found,) = check_headers([Picture(raw, "x")], CONFIG)
    assert found.picture.bytes == raw


def test_what_must_be_converted_shrunk_or_is_no_picture_goes_the_full_way():
    config = PictureConfig(check="header", max_px=32, min_px=20)
    (found,) = check_headers([Picture(tiny_picture("x", kind="BMP"), "x")], CONFIG)
    assert found.changed == "data.picture_converted"
    (found,) = check_headers([Picture(tiny_picture("x", size=(90, 70)), "x")], config)
    assert found.changed == "data.picture_shrunk"
    assert check_headers([Picture(b"a letter", "x")], CONFIG) == Fault("imaging.no_picture")
    small = Picture(tiny_picture("x", size=(30, 18)), "x")
    assert check_headers([small], config) == Fault("data.picture_too_small")


def test_a_data_set_can_be_built_from_headers_alone(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    one = next((tmp_path / "raw").rglob("benign (1).png"))
    one.with_name("benign (2).png").write_bytes(one.read_bytes())
    dataset = open_dataset(build(recipe(tmp_path / "raw", ["busi"], pictures={"check": "header"})))
    assert dataset.info["sources"]["busi"]["counts"]["dropped"] == {"data.doubled_record": 1}
    held = {sample.images[0].bytes for part in dataset.splits for sample in dataset.rows(part)}
    assert one.read_bytes() in held
    found = json.loads((dataset.path / "audit.json").read_text())
    assert all(not any(numbers.values()) for numbers in found["shared"].values())


def test_a_picture_file_is_read_when_it_is_asked_for_and_names_no_place(tmp_path):
    file = tmp_path / "secret-name.png"
    file.write_bytes(tiny_picture("x", kind="PNG"))
    picture = PictureFile(file, "shown.png")
    assert size_of(picture) == file.stat().st_size
    assert pickle.loads(pickle.dumps(picture)) == picture == Picture(file.read_bytes(), "shown.png")
    assert "secret" not in repr(picture)
    before = state_of(picture)
    file.write_bytes(b"another")
    assert picture.bytes == b"another"
    assert state_of(PictureFile(file, "shown.png")) != before
    file.unlink()
    with pytest.raises(RecordError, match=r"shown\.png"):
        _ = picture.bytes
    with pytest.raises(RecordError, match=r"shown\.png"):
        PictureFile(file, "shown.png")


def test_names_that_cannot_be_written_are_escaped(tmp_path):
    file = tmp_path / "x.png"
    file.write_bytes(b"x")
    for picture in (PictureFile(file, "a\udcff"), Picture(b"x", "a\udcff")):
        assert named(picture).path == "a\\udcff"
        assert named(picture).bytes == b"x"


def test_a_picture_in_memory_is_told_by_its_content():
    image = Picture(tiny_picture("x"), "x")
    assert state_of(image) == state_of(Picture(image.bytes, "y"))
    assert state_of(image) != state_of(Picture(tiny_picture("y"), "x"))
