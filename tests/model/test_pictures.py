import io

import numpy as np
import pytest
import torch
from PIL import Image

from doctorsun.core.errors import ModelError, RecordError
from doctorsun.model.pictures import PictureProcessor, image_processor
from tests.model.tiny import picture

SIGLIP = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.mark.parametrize("size", [(40, 30), (30, 41), (32, 32), (3, 200), (1, 1), (257, 256)])
@pytest.mark.parametrize("settings", [{}, SIGLIP])
def test_pixels_are_those_of_the_saved_processor_to_the_bit(size, settings):
    theirs = image_processor(32, **settings)
    raw = picture(size=size)
    expected = theirs(Image.open(io.BytesIO(raw)), return_tensors="pt")["pixel_values"]
    assert torch.equal(PictureProcessor(theirs).pixels([raw]), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_every_kind_of_picture_is_read_as_transformers_reads_it(mode):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (20, 33, 4), dtype=np.uint8), "RGBA").convert(mode)
    file = io.BytesIO()
    image.save(file, "TIFF" if mode == "CMYK" else "PNG")
    theirs = image_processor(32)
    expected = theirs(Image.open(io.BytesIO(file.getvalue())), return_tensors="pt")["pixel_values"]
    assert torch.equal(PictureProcessor(theirs).pixels([file.getvalue()]), expected)


def test_kept_levels_give_the_same_pixels_as_the_file():
    processor = PictureProcessor(image_processor(32))
    raws = [picture(1), picture(2, size=(50, 20))]
    levels_BHWC = torch.stack([processor.levels(raw) for raw in raws])
    assert levels_BHWC.dtype == torch.uint8
    assert torch.equal(processor.pixels_of_levels(levels_BHWC), processor.pixels(raws))


def test_the_sides_of_a_wide_picture_are_kept_and_padded_with_the_mean_colour():
    processor = PictureProcessor(image_processor(32))
    wide = io.BytesIO()
    Image.new("RGB", (64, 16), (255, 255, 255)).save(wide, "PNG")
    pixels_CHW = processor.pixels([wide.getvalue()])[0]
    assert (pixels_CHW[:, 16] > 1.5).all()
    assert pixels_CHW[:, :10].abs().max() < 0.02


@pytest.mark.parametrize("raw", [b"", b"not a picture", picture()[:60], picture(kind="JPEG")[:200]])
def test_what_is_no_whole_picture_is_refused_with_its_number(raw):
    with pytest.raises(RecordError) as caught:
        PictureProcessor(image_processor(32)).pixels([picture(), raw])
    assert "1" in str(caught.value)


def test_a_picture_of_16_bits_is_refused_and_not_cut_to_white():
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), 3000, dtype=np.uint16)).save(file, "PNG")
    with pytest.raises(RecordError) as caught:
        PictureProcessor(image_processor(32)).pixels([file.getvalue()])
    assert "8 bits" in str(caught.value)


def test_a_processor_that_crops_is_refused():
    cropping = image_processor(32)
    cropping.do_center_crop = True
    with pytest.raises(ModelError):
        PictureProcessor(cropping)
