"""Pictures of untrusted origin: upright RGB, or one clear reason."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from doctorsun.core.errors import RecordError
from doctorsun.imaging.pictures import FORMATS, Limits, decode, encode, open_picture, shrink


def slope(height=24, width=40):
    across = np.linspace(0, 255, width).astype(np.uint8)
    return np.stack(
        [np.tile(across, (height, 1)), np.full((height, width), 90), np.full((height, width), 20)], -1
    )


def saved(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def fails(raw, key, **limits):
    with pytest.raises(RecordError) as caught:
        open_picture(raw, where="picture-1", limits=Limits(**limits))
    assert caught.value.key == key
    assert str(caught.value).startswith("picture-1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_lossless_formats_give_their_pixels_back(kind):
    raw = saved(
        Image.fromarray(slope().astype(np.uint8)), kind, **({"lossless": True} if kind == "WEBP" else {})
    )
    assert (open_picture(raw) == slope()).all()


def test_a_jpeg_gives_nearly_its_pixels_and_may_be_stored_as_it_is():
    raw = saved(Image.fromarray(slope().astype(np.uint8)), "JPEG", quality=95)
    upright = decode(raw)
    assert upright.plain
    assert upright.pixels.dtype == np.uint8
    assert np.abs(upright.pixels.astype(int) - slope()).mean() < 4


def test_grey_pictures_get_three_equal_channels():
    pixels = open_picture(saved(Image.fromarray(slope()[..., 0].astype(np.uint8)), "PNG"))
    assert pixels.shape == (24, 40, 3)
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize(("top", "bits"), [(65535, 16), (4095, 12), (1000, 10)])
def test_deep_greys_are_scaled_by_the_depth_in_use(top, bits):
    deep = np.linspace(0, top, 40).astype(np.uint16)[None].repeat(8, 0)
    pixels = open_picture(saved(Image.fromarray(deep), "PNG"))
    expected = np.rint(deep * (255 / (2**bits - 1)))
    assert np.abs(pixels[..., 0] - expected).max() <= 1


def test_transparency_is_laid_on_black():
    clear = np.dstack([np.full((8, 8, 3), 200, np.uint8), np.zeros((8, 8), np.uint8)])
    assert (open_picture(saved(Image.fromarray(clear), "PNG")) == 0).all()


def test_a_picture_with_a_turned_mark_is_turned_upright():
    image = Image.fromarray(slope().astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode(saved(image, "JPEG", exif=exif, quality=95))
    assert upright.pixels.shape == (40, 24, 3)
    assert not upright.plain


def test_an_ink_picture_becomes_rgb():
    raw = saved(Image.fromarray(slope().astype(np.uint8)).convert("CMYK"), "JPEG")
    assert open_picture(raw).shape == (24, 40, 3)


def test_a_file_without_bytes_says_so():
    fails(b"", "imaging.empty")


@pytest.mark.parametrize(
    "raw", [b"<svg></svg>", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF", b"GIF89a" + b"\0" * 64, b"\0" * 999]
)
def test_what_is_no_picture_says_which_formats_are(raw):
    fails(raw, "imaging.no_picture")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_file_cut_anywhere_is_refused_or_whole_but_never_a_crash(kind):
    raw = saved(Image.fromarray(slope(96, 96).astype(np.uint8)), kind)
    whole = open_picture(raw)
    refused = 0
    for at in range(1, len(raw), max(1, len(raw) // 64)):
        try:
            pixels = open_picture(raw[:at], where="x")
        except RecordError as error:
            assert error.key in {"imaging.damaged", "imaging.no_picture", "imaging.too_many_pixels"}
            refused += 1
        else:
            assert pixels.shape == whole.shape
    assert refused > 50


def test_size_is_checked_before_decoding():
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    raw = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    fails(raw + struct.pack(">I", 0) + b"IDAT" + b"\0\0\0\0", "imaging.too_many_pixels")


def test_large_files_are_refused_unread():
    fails(b"x" * 2048, "imaging.file_too_large", max_bytes=1024)


def test_a_text_bomb_in_a_png_is_refused():
    bomb = b"zTXt" + b"k\0\0" + zlib.compress(b"A" * 80_000_000, 9)
    raw = saved(Image.fromarray(slope().astype(np.uint8)), "PNG")
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    fails(raw[:33] + chunk + raw[33:], "imaging.no_picture")


def test_encoding_keeps_pixels_and_grey_stays_one_channel():
    pixels = slope().astype(np.uint8)
    assert (open_picture(encode(pixels)) == pixels).all()
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    assert Image.open(BytesIO(encode(grey))).mode == "L"


def test_shrinking_keeps_the_shape_of_things():
    assert shrink(slope(100, 200).astype(np.uint8), 50).shape == (25, 50, 3)


def test_no_other_format_is_on_the_list():
    assert set(FORMATS) == {"PNG", "JPEG", "WEBP", "TIFF", "BMP"}
