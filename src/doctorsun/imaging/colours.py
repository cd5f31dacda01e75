"""Pillow's many modes -> sRGB, or the grey values as they were measured."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_DEPTHS = (8, 10, 12, 14, 16)
_BITS, _PHOTOMETRIC, _PLANAR, _SAMPLE_FORMAT = 258, 262, 284, 339
_WHITE_IS_ZERO, _SEPARATE, _SIGNED = 0, 2, 2
_CLEAR = ("LA", "La", "PA", "RGBA", "RGBa")
_SPACES = {"CMYK": "CMYK", "RGB": "RGB", "RGBA": "RGB", "RGBa": "RGB", "P": "RGB", "PA": "RGB"}


def is_deep(image: Image.Image) -> bool:
    """Whether a picture holds more than 8 bits of grey."""
    return image.mode in {"I", "F"} or image.mode.startswith("I;16")


def is_grey(image: Image.Image) -> bool:
    """Whether a picture is grey without transparency."""
    return is_deep(image) or (image.mode in {"1", "L"} and "transparency" not in image.info)


def is_inverted(image: Image.Image) -> bool:
    """Whether low values of a deep grey TIFF are to be shown white; of shallow ones Pillow turns them."""
    tags = getattr(image, "tag_v2", {})
    return is_deep(image) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def is_misread(image: Image.Image) -> bool:
    """Whether a TIFF is stored in a way of which Pillow makes wrong values without a word.

    Colours of more than 8 bits in planes, and signed values of 8 bits.
    """
    tags = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS, (1,)))
    in_planes = tags.get(_PLANAR) == _SEPARATE and len(image.getbands()) > 1
    return (bits > 8 and in_planes) or (bits == 8 and _SIGNED in tags.get(_SAMPLE_FORMAT, ()))


def rgb(image: Image.Image, *, inverted: bool = False) -> NDArray[np.uint8]:
    """Any picture as uint8 RGB [height, width, 3].

    Transparency is laid on black. Greys of more than 8 bits are scaled by the depth in use (`grey_range`),
    and grey pictures keep their values whatever their profile says: they are measurements. Colours with a
    profile of their own become sRGB; a profile that is broken or made for other channels is not used.
    """
    if is_deep(image):
        grey = _eight_bits(np.asarray(image))
        grey = 255 - grey if inverted else grey
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in _CLEAR or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        colours = _srgb(clear.convert("RGB"), image)
        colours.putalpha(clear.getchannel("A"))
        return np.array(Image.alpha_composite(ground, colours).convert("RGB"), dtype=np.uint8)
    return np.array(_srgb(image, image).convert("RGB"), dtype=np.uint8)


def grey_range(values: NDArray[np.generic]) -> tuple[float, float]:
    """The values shown black and white: 0 and the top of the depth in use (8, 10, 12, 14 or 16 bits).

    Where values are negative, fractions or deeper, the least and the greatest of them.
    """
    numbers = values[np.isfinite(values)] if np.issubdtype(values.dtype, np.floating) else values
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
    top = next((2**bits - 1 for bits in _DEPTHS if high < 2**bits), 0)
    if low < 0 or not top or not np.issubdtype(values.dtype, np.integer):
        return low, high if high > low else low + 1.0
    return 0.0, float(top)


def has_useless_profile(image: Image.Image) -> bool:
    """Whether a colour picture carries a profile that is broken or made for other channels."""
    raw = image.info.get("icc_profile")
    return raw is not None and image.mode in _SPACES and _profile(raw, image.mode) is None


def _srgb(colours: Image.Image, origin: Image.Image) -> Image.Image:
    """The same colours in sRGB; unchanged without a profile, with sRGB's own, or with a useless one."""
    raw = origin.info.get("icc_profile")
    profile = _profile(raw, origin.mode) if raw and origin.mode in _SPACES else None
    if origin.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if profile is None or "srgb" in _description(profile).lower():
        return colours
    start = colours.convert("RGB") if colours.mode == "P" else colours
    try:
        turned = ImageCms.profileToProfile(start, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except ImageCms.PyCMSError:
        return colours
    return turned if turned is not None else colours


def _profile(raw: bytes, mode: str) -> ImageCms.ImageCmsProfile | None:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(raw))
        space = profile.profile.xcolor_space.strip()
    except (OSError, ImageCms.PyCMSError, TypeError, ValueError):
        return None
    return profile if space == _SPACES[mode] else None


def _description(profile: ImageCms.ImageCmsProfile) -> str:
    return str(getattr(profile.profile, "profile_description", None) or "")


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    low, high = grey_range(values)
    numbers = np.nan_to_num(values.astype(np.float64), nan=low, posinf=low, neginf=low)
    return np.rint((numbers - low) * (255 / (high - low))).astype(np.uint8)
