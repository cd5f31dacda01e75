"""Image files as series: grey keeps its values, colours become sRGB, pages are frames."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from doctorsun.core.errors import RecordError
from doctorsun.imaging.looks import look
from doctorsun.imaging.photos import read_photo
from doctorsun.imaging.pictures import open_picture
from doctorsun.imaging.study import StudyLimits
from tests.imaging.files import Packed, saved

LIMITS = StudyLimits()


def read(raw, name="a.png"):
    return read_photo(Packed(name, raw), LIMITS)


def colours(height=20, width=30):
    ramp = np.linspace(0, 255, height * width).astype(np.uint8).reshape(height, width)
    return np.stack([ramp, 255 - ramp, np.full_like(ramp, 60)], -1)


def wide_profile():
    """A profile whose red and green are exchanged: nobody can overlook that it was used."""
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    raw = bytes(raw)
    count = int.from_bytes(raw[128:132], "big")
    tags = {raw[132 + 12 * i : 136 + 12 * i]: 132 + 12 * i for i in range(count)}
    out = bytearray(raw)
    for here, there in ((b"rXYZ", b"gXYZ"), (b"gXYZ", b"rXYZ")):
        out[tags[here] + 4 : tags[here] + 12] = raw[tags[there] + 4 : tags[there] + 12]
    return bytes(out).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


@pytest.mark.parametrize("top", [65535, 4095, 900])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_grey_keeps_its_values_and_is_shown_as_a_picture_opened_alone(kind, top):
    deep = np.linspace(0, top, 600).astype(np.uint16).reshape(20, 30)
    raw = saved(Image.fromarray(deep), kind)
    frame = read(raw).frame(0)
    assert frame.meaning == "intensity"
    assert frame.pixels.dtype == np.float32
    assert (frame.pixels == deep).all()
    assert frame.window.low == 0
    assert frame.window.high >= top
    assert np.abs(look(frame).astype(int) - open_picture(raw)).max() <= 1


def test_a_grey_picture_of_eight_bits_is_shown_with_its_own_values():
    grey = colours()[..., 0]
    series = read(saved(Image.fromarray(grey), "PNG"))
    assert series.shape == (20, 30)
    assert series.voxels().shape == (1, 20, 30)
    assert (look(series.frame(0))[..., 1] == grey).all()


def test_colours_stay_colours():
    frame = read(saved(Image.fromarray(colours()), "PNG")).frame(0)
    assert frame.meaning == "rgb"
    assert (frame.pixels == colours()).all()


@pytest.mark.parametrize("turn", [3, 5, 6, 8])
def test_the_shape_is_that_of_the_upright_picture(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    series = read(saved(Image.fromarray(colours()), "JPEG", exif=exif, quality=95), "a.jpg")
    assert series.shape == ((20, 30) if turn == 3 else (30, 20))
    assert series.frame(0).pixels.shape[:2] == series.shape


def test_the_inverted_inks_of_adobe_give_the_right_colours():
    flat = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    raw = saved(Image.fromarray(flat).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in raw
    assert np.abs(read(raw, "a.jpg").frame(0).pixels.astype(int) - flat).max() <= 6


def test_transparency_is_laid_on_black():
    clear = np.dstack([colours(), np.full((20, 30), 128, np.uint8)])
    pixels = read(saved(Image.fromarray(clear), "PNG")).frame(0).pixels
    assert np.abs(pixels - colours() * (128 / 255)).max() <= 1


@pytest.mark.parametrize("clear", [False, True])
def test_a_colour_profile_is_used(clear):
    image = Image.fromarray(colours())
    if clear:
        image.putalpha(255)
    raw = saved(image, "PNG", icc_profile=wide_profile())
    pixels = open_picture(raw).astype(int)
    assert np.abs(pixels - colours()[..., [1, 0, 2]]).mean() < 6
    assert (read(raw).frame(0).pixels == pixels).all()
    assert not read(raw).remarks


def test_srgb_itself_changes_nothing():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (open_picture(saved(Image.fromarray(colours()), "PNG", icc_profile=own)) == colours()).all()


@pytest.mark.parametrize("profile", [b"broken", b"\0" * 400])
def test_a_broken_profile_is_left_aside_with_a_remark(profile):
    series = read(saved(Image.fromarray(colours()), "PNG", icc_profile=profile))
    assert [remark.key for remark in series.remarks] == ["imaging.profile_unusable"]
    assert (series.frame(0).pixels == colours()).all()


def test_grey_values_are_kept_whatever_the_profile():
    grey = Image.fromarray(colours()[..., 0])
    assert (open_picture(saved(grey, "PNG", icc_profile=wide_profile()))[..., 0] == np.asarray(grey)).all()


def test_each_page_of_a_tiff_is_a_frame():
    pages = [Image.fromarray(np.full((8, 9 + page), 1000 * page, np.uint16)) for page in range(4)]
    series = read(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "a.tif")
    assert len(series) == 4
    assert [frame.pixels.max() for frame in series.frames()] == [0, 1000, 2000, 3000]
    assert series.frame(3).pixels.shape == (8, 12)


def test_more_pages_than_the_limit_are_refused():
    pages = [Image.new("L", (2, 2)) for _ in range(5)]
    raw = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(RecordError) as caught:
        read_photo(Packed("a.tif", raw), StudyLimits(max_frames=4))
    assert caught.value.key == "imaging.too_many_pages"


def test_of_a_moving_png_the_first_picture_is_read_with_a_remark():
    pages = [Image.new("RGB", (4, 4), (page, 0, 0)) for page in (9, 99)]
    series = read(saved(pages[0], "PNG", save_all=True, append_images=pages[1:]))
    assert len(series) == 1
    assert [remark.key for remark in series.remarks] == ["imaging.first_of_several"]
    assert series.frame(0).pixels[0, 0, 0] == 9


def test_a_gif_is_refused():
    with pytest.raises(RecordError) as caught:
        read(saved(Image.new("RGB", (4, 4)), "GIF"), "a.gif")
    assert caught.value.key == "imaging.no_picture"


@pytest.mark.parametrize(
    ("kind", "options", "spacing"),
    [
        ("TIFF", {"resolution_unit": 3, "x_resolution": 100.0, "y_resolution": 50.0}, (0.2, 0.1)),
        ("PNG", {"dpi": (508, 254)}, (0.1, 0.05)),
        ("PNG", {"dpi": (96, 96)}, None),
        ("TIFF", {"dpi": (300, 300)}, None),
        ("TIFF", {"resolution_unit": 1, "x_resolution": 100.0, "y_resolution": 100.0}, None),
        ("JPEG", {"dpi": (508, 508)}, None),
        ("PNG", {}, None),
    ],
)
def test_a_spacing_is_taken_only_where_it_was_measured(kind, options, spacing):
    found = read(saved(Image.fromarray(colours()), kind, **options)).geometry.spacing_mm
    assert found == (pytest.approx(spacing, rel=1e-3) if spacing else None)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_damaged_picture_is_refused(kind):
    raw = saved(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), kind)
    with pytest.raises(RecordError) as caught:
        read(raw[: len(raw) // 2]).frame(0)
    assert caught.value.key in {"imaging.damaged", "imaging.no_picture"}


def ramp(dtype):
    return np.arange(600).reshape(20, 30).astype(dtype)


def tiff(values, **options):
    tifffile = pytest.importorskip("tifffile")
    file = BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "lzw"}, {"bigtiff": True}])
@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "f4"])
def test_the_values_of_every_kind_of_grey_tiff_are_kept(dtype, options):
    assert_kept(tiff(ramp(dtype), **options))


def test_the_order_of_bytes_does_not_matter():
    assert_kept(tiff(ramp(">u2"), byteorder=">"))


def assert_kept(raw):
    frame = read(raw, "a.tif").frame(0)
    assert (frame.pixels == ramp(np.float32)).all()
    assert np.abs(look(frame).astype(int) - open_picture(raw)).max() <= 1


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_tiff_whose_white_is_zero_is_turned(dtype):
    values = (ramp(np.uint16) % 200).astype(dtype)
    raw = tiff(values, photometric="miniswhite")
    pixels = open_picture(raw)[..., 0].astype(int)
    assert pixels[0, 0] == 255
    assert (np.diff(pixels[0]) <= 0).all()
    assert np.abs(look(read(raw, "a.tif").frame(0))[..., 0].astype(int) - pixels).max() <= 1


def test_colours_of_sixteen_bits_become_eight():
    raw = tiff(np.stack([ramp("u2") * 100] * 3, -1), photometric="rgb")
    assert (read(raw, "a.tif").frame(0).pixels[..., 0] == ramp("u2") * 100 // 256).all()


def test_ways_to_store_a_tiff_that_would_give_wrong_values_are_refused():
    planes = tiff(np.stack([ramp("u2")] * 3), photometric="rgb", planarconfig="separate")
    for raw in (planes, tiff((ramp("i2") % 100 - 50).astype("i1"))):
        with pytest.raises(RecordError) as caught:
            open_picture(raw)
        assert caught.value.key == "imaging.picture_layout"
    shallow = tiff(np.stack([ramp("u2") % 256] * 3).astype("u1"), photometric="rgb", planarconfig="separate")
    assert (open_picture(shallow)[..., 2] == ramp("u2") % 256).all()
