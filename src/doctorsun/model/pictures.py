"""Picture files -> what the encoder reads: padded to a square with the mean colour, resized, normalised.

Equal, bit for bit, to transformers' own LLaVA image processor of the Pillow kind, which is what is saved with
the model. `pixels_BCHW` is float32, normalised by the encoder's mean and deviation.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps, UnidentifiedImageError

from doctorsun.core.errors import ModelError, RecordError
from doctorsun.model.vision_family import BICUBIC, CLIP_MEAN, CLIP_STD, VisionFamily

_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def image_processor(
    image_px: int,
    *,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
    resample: int = BICUBIC,
    scale: float = 1 / 255,
) -> Any:  # noqa: ANN401 - transformers has no types
    """The processor of transformers that pads to a square; the Pillow kind, which needs no torchvision.

    Levels are scaled by `scale`, less `mean`, over `std`; `resample` is counted as Pillow does.
    """
    kind = getattr(transformers, "LlavaImageProcessorPil", None) or transformers.LlavaImageProcessor
    return kind(
        do_pad=True,
        size={"height": image_px, "width": image_px},
        crop_size={"height": image_px, "width": image_px},
        do_center_crop=False,
        image_mean=list(mean),
        image_std=list(std),
        resample=resample,
        rescale_factor=scale,
    )


def own_processor(image_px: int, told: Mapping[str, Any], family: VisionFamily) -> Any:  # noqa: ANN401
    """The processor that does to a padded square what an encoder's own preprocessor (`told`) would.

    Where that says nothing, the family's way holds.
    """
    plain = told.get("do_normalize") is False
    resample, scale = told.get("resample"), told.get("rescale_factor")
    return image_processor(
        image_px,
        mean=(0.0, 0.0, 0.0) if plain else told.get("image_mean") or family.mean,
        std=(1.0, 1.0, 1.0) if plain else told.get("image_std") or family.std,
        resample=family.resample if resample is None else int(resample),
        scale=1.0 if told.get("do_rescale") is False else float(scale or 1 / 255),
    )


class PictureProcessor:
    """Turns the bytes of image files into `pixels_BCHW`, as the saved processor says."""

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 - transformers has no types
        size = processor.size
        squared = processor.do_pad and not processor.do_center_crop and size["height"] == size["width"]
        if not type(processor).__name__.startswith("LlavaImageProcessor") or not squared:
            raise ModelError("model.processor_kind", found=type(processor).__name__)
        self.size: int = size["height"]
        self._resample = Image.Resampling(int(processor.resample))
        self._fill = tuple(int(value * 255) for value in processor.image_mean)
        # One figure for each of 256 levels and 3 channels, computed with the very roundings of the processor.
        levels = (np.arange(256, dtype=np.float64) * processor.rescale_factor).astype(np.float32)
        mean = np.array(processor.image_mean, dtype=np.float32)
        std = np.array(processor.image_std, dtype=np.float32)
        self._table = torch.from_numpy(((levels[:, None] - mean) / std).T.copy())

    def pixels(self, images: Sequence[bytes]) -> torch.Tensor:
        """`pixels_BCHW` of picture files; RecordError says which of them (from 0) is no picture."""
        pixels_BCHW = torch.empty(len(images), 3, self.size, self.size)
        for number, raw in enumerate(images):
            levels_HWC = torch.from_numpy(np.array(self._square(rgb_picture(raw, where=str(number)))))
            for channel in range(3):
                pixels_BCHW[number, channel] = self._table[channel][levels_HWC[:, :, channel].int()]
        return pixels_BCHW

    def pixels_of_levels(self, levels_BHWC: torch.Tensor) -> torch.Tensor:
        """`pixels_BCHW` of uint8 RGB pictures that are already of the right size, as `levels` gives them."""
        channels = [self._table[channel][levels_BHWC[..., channel].int()] for channel in range(3)]
        return torch.stack(channels, dim=1)

    def levels(self, raw: bytes, *, where: str = "picture") -> torch.Tensor:
        """uint8 `levels_HWC` of one picture, padded and resized: a quarter of the memory of its pixels."""
        return torch.from_numpy(np.array(self._square(rgb_picture(raw, where=where))))

    def _square(self, picture: Image.Image) -> Image.Image:
        side = max(picture.size)
        if picture.width != picture.height:
            square = Image.new("RGB", (side, side), self._fill)
            square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
            picture = square
        return picture.resize((self.size, self.size), resample=self._resample)


def rgb_picture(raw: bytes, *, where: str = "picture") -> Image.Image:
    """The RGB picture of an image file, turned as its EXIF says, on white where it is transparent."""
    try:
        picture: Image.Image = Image.open(io.BytesIO(raw))
        picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise RecordError("model.no_picture", where=where, length=len(raw)) from None
    if picture.mode in _DEEP_MODES:
        raise RecordError("model.deep_picture", where=where, found=picture.mode)
    picture = ImageOps.exif_transpose(picture)
    if "A" in picture.getbands() or picture.info.get("transparency") is not None:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")
