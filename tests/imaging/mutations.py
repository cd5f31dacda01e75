"""Seeds for fuzzing, small files of the readers' own test sets and made ones, and random changes to them."""

from pathlib import Path

import numpy as np
import pydicom

from doctorsun.core.errors import DataError, RecordError
from doctorsun.imaging.opening import load_study
from doctorsun.imaging.pictures import Limits, open_picture
from tests.imaging import hostile, hostile_dicom

SMALL = 40_000
MOST_FRAMES = 2
REFUSALS = (RecordError, DataError)


def dicom_seeds() -> dict[str, bytes]:
    """pydicom's own files of up to 40 kB, by name, and one made here."""
    # Not by pydicom's own finder, which fetches what the wheel lacks.
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    paths = sorted(folder.rglob("*.dcm"))
    found = {path.name: path.read_bytes() for path in paths if path.stat().st_size <= SMALL}
    return found | {"made.dcm": hostile_dicom.raw(hostile_dicom.honest())}


def picture_seeds() -> dict[str, bytes]:
    """A little picture in each format that is read."""
    kinds = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
    return {f"made.{kind.lower()}": hostile.picture(kind) for kind in kinds} | {
        "deep.png": hostile.picture(mode="I;16"),
        "packed.tiff": hostile.picture("TIFF", compression="tiff_lzw"),
        "turns.jpeg": hostile.picture("JPEG", progressive=True),
    }


def mutated(raw: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one to eight changes: a bit, a byte, a run, a cut, a part said twice."""
    body = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        if not body:
            break
        # Most structure is at the front.
        at = int(len(body) * rng.random() ** 2)
        kind = int(rng.integers(5))
        if kind == 0:
            body[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            body[at] = int(rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF)))
        elif kind == 2:
            body[at : at + 4] = rng.bytes(4)
        elif kind == 3:
            del body[at : at + int(rng.integers(1, 64))]
        else:
            body[at:at] = body[at : at + int(rng.integers(1, 64))]
    return bytes(body)


def read_dicom(path: Path) -> int:
    """Everything the DICOM reader gets out of a file: the number of frames; RecordError and the like pass."""
    read = 0
    study = load_study(path)
    for series in study.series:
        for index in range(min(len(series), MOST_FRAMES)):
            try:
                read += series.frame(index).pixels.ndim in {2, 3}
            except RecordError:
                continue
    return read


def read_picture(raw: bytes) -> int:
    """1 when the picture reader reads the bytes, with little room for them; RecordError passes on."""
    return int(open_picture(raw, where="x", limits=Limits(max_pixels=10**6)).ndim == 3)
