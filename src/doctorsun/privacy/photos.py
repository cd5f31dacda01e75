"""A picture file made safe: pixels without burned-in text, and nothing else of the file.

Arguments and result are JSON values, so that the work can be done in a guarded process.
"""

from pathlib import Path
from typing import Any

from doctorsun.core.errors import RecordError
from doctorsun.core.files import write_whole
from doctorsun.imaging.pictures import encode, open_picture
from doctorsun.privacy.key import Key

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
FOLDER = "pictures"
_MOST_MB = 64


def deidentify_picture(path: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """What became of a picture, in the form of `deidentify_file`.

    Its pixels are written anew as PNG of 8 bits, so EXIF, comments and thumbnails are gone. As nobody vouches
    for what a picture shows, it waits until a person has looked at it.
    """
    from doctorsun.privacy.burned import clean_pixels

    key = Key(bytes.fromhex(options["key"]))
    number = key.pseudonym("file", options["name"])
    source = Path(path)
    size = source.stat().st_size
    if size > _MOST_MB << 20:
        raise RecordError("imaging.file_too_large", where=number, found=size >> 20, limit=_MOST_MB)
    pixels = open_picture(source.read_bytes(), where=number)
    if options["policy"]["pixels"] == "none":
        return {"state": "quarantined", "reason": "privacy.pixels_unchecked"}
    cleaned = clean_pixels(pixels[None])
    counts = {"boxes_blanked": len(cleaned.boxes[0])}
    if not cleaned.checked:
        return {"state": "quarantined", "reason": "privacy.pixels_left", "counts": counts}
    if not options.get("ticked"):
        return {"state": "quarantined", "reason": "privacy.waits_picture", "counts": counts}
    name = f"{FOLDER}/{number}.png"
    raw, target = encode(cleaned.pixels[0]), Path(out) / name
    if target.exists() and target.read_bytes() == raw:
        return {"state": "kept", "reason": "", "name": name, "counts": counts}
    write_whole(target, raw)
    return {"state": "released", "reason": "", "name": name, "counts": counts}
