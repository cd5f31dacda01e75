"""Image files (PNG, JPEG, WebP, TIFF, BMP) as a series: grey keeps its values, a page is a frame."""

from functools import partial

import numpy as np
from PIL import Image, ImageOps

from doctorsun.core.errors import RecordError
from doctorsun.imaging.colours import grey_range, has_useless_profile, is_grey, is_inverted, rgb
from doctorsun.imaging.incoming import Entry, check_pixels, whole
from doctorsun.imaging.pictures import ORIENTATION, Limits, damage, is_turned, opened
from doctorsun.imaging.study import Facts, Frame, Geometry, Remark, Series, StudyLimits, Window

# Formats whose writers measure: a JPEG's resolution is a habit of its program.
MOST_PAGES = 2000
_MEASURED = ("PNG", "TIFF")
# Resolutions that screens, cameras and print dialogs write without having measured anything.
_HABITS_DPI = (72, 75, 90, 96, 100, 120, 144, 150, 180, 192, 200, 240, 300, 350, 600)
_NEAR = 0.005
_MM_PER_INCH = 25.4
_SPACING_MM = (1e-5, 10.0)
_CAMERA = (0x010F, 0x0110)  # Make, Model
_SIDEWAYS = (5, 6, 7, 8)


def read_photo(entry: Entry, limits: StudyLimits) -> Series:
    """The series of an image file; its pixels are decoded when a frame is asked for.

    Grey without transparency is "intensity" with the values of the file, of 16 bits too, and a window over
    the range in use; the rest is "rgb" in sRGB, 8 bits. Each page of a TIFF is a frame; of other formats
    only the first picture is read, with a remark. RecordError says what is wrong with the file.
    """
    image = _open(entry, limits)
    with damage(entry.name):
        turn = image.getexif().get(ORIENTATION, 1)
        pages = _pages(image, entry.name, limits)
        image.seek(0)
        spacing = _spacing(image)
        remarks = _remarks(image, entry.name)
    width, height = image.size
    if turn in _SIDEWAYS:
        width, height = height, width
        spacing = spacing[::-1] if spacing else None
    geometry = Geometry(spacing_mm=spacing)
    return Series(
        name=entry.name,
        format="picture",
        facts=Facts(),
        geometry=geometry,
        shape=(height, width),
        sources=(entry.name,) * pages,
        read=partial(_frame, entry, limits, geometry),
        remarks=remarks,
    )


def _frame(entry: Entry, limits: StudyLimits, geometry: Geometry, index: int) -> Frame:
    image = _open(entry, limits)
    with damage(entry.name):
        image.seek(index)
        check_pixels(entry.name, image.size, limits)
        image.load()
        upright = ImageOps.exif_transpose(image) if is_turned(image) else image
        if not is_grey(upright):
            return Frame(rgb(upright), "rgb", geometry)
        values = np.asarray(upright.convert("L") if upright.mode == "1" else upright)
    low, high = grey_range(values)
    window = Window((low + high) / 2, high - low, "linear_exact")
    return Frame(values.astype(np.float32), "intensity", geometry, window, is_inverted(image))


def _open(entry: Entry, limits: StudyLimits) -> Image.Image:
    own = Limits(max_bytes=limits.max_bytes, max_pixels=limits.max_pixels)
    return opened(whole(entry, limits), where=entry.name, limits=own)


def _pages(image: Image.Image, where: str, limits: StudyLimits) -> int:
    """The number of frames; found one by one, as a file may claim any number."""
    if image.format != "TIFF":
        return 1
    most = min(limits.max_frames, MOST_PAGES)
    for page in range(1, most + 1):
        try:
            image.seek(page)
        except EOFError:
            return page
    raise RecordError("imaging.too_many_pages", where=where, limit=most)


def _remarks(image: Image.Image, where: str) -> tuple[Remark, ...]:
    found = []
    if image.format != "TIFF" and getattr(image, "n_frames", 1) > 1:
        found.append(Remark("imaging.first_of_several", where))
    if has_useless_profile(image):
        found.append(Remark("imaging.profile_unusable", where))
    return tuple(found)


def _spacing(image: Image.Image) -> tuple[float, float] | None:
    """Millimetres between rows and between columns, where the file was told a measured resolution.

    The rule: a PNG or TIFF with a unit of length, that names no camera, and whose resolution is none of the
    usual ones of screens and print dialogs.
    """
    dpi = image.info.get("dpi")
    if image.format not in _MEASURED or not dpi or any(tag in image.getexif() for tag in _CAMERA):
        return None
    across, down = float(dpi[0]), float(dpi[1])
    for value in (across, down):
        if not _SPACING_MM[0] * value <= _MM_PER_INCH <= _SPACING_MM[1] * value:
            return None
        if any(abs(value - habit) <= habit * _NEAR for habit in _HABITS_DPI):
            return None
    return _MM_PER_INCH / down, _MM_PER_INCH / across
