"""Pictures made small enough to stand inside a page."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError


def thumbnail(image: bytes, *, max_px: int = 160, quality: int = 80) -> str | None:
    """A JPEG `data:` address whose longer side is at most `max_px` pixels; null when they are no picture."""
    try:
        with Image.open(BytesIO(image)) as opened:
            opened.draft("RGB", (max_px, max_px))
            turned = ImageOps.exif_transpose(opened)
            small = (_eight_bits(turned) if turned.mode[0] in "IF" else turned).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    small.thumbnail((max_px, max_px))
    out = BytesIO()
    small.save(out, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _eight_bits(deep: Image.Image) -> Image.Image:
    """A picture of more than 8 bits with its own range spread over 0..255; Pillow would cut it off."""
    pixels = np.nan_to_num(np.asarray(deep, dtype=np.float64))
    low, high = float(pixels.min()), float(pixels.max())
    return Image.fromarray(((pixels - low) / max(high - low, 1e-9) * 255).astype(np.uint8))
