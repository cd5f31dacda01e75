"""Invented files for the examples of sources: tiny pictures and tables, nobody's data."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
from PIL import Image


def tiny_picture(key: str, *, size: tuple[int, int] = (40, 32), kind: str = "JPEG") -> bytes:
    """The bytes of a small picture of a bright blot on clouds, so that no two keys look nearly the same."""
    width, height = size
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    middle, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
    blot = np.exp(-((across - middle[0]) ** 2 + (down - middle[1]) ** 2) / radius**2)
    tint = rng.uniform(0.4, 1.0, 3)
    coarse = Image.fromarray(rng.uniform(0, 60, (8, 8)).astype(np.float32))
    clouds = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    pixels = (40 + clouds[..., None] + 140 * blot[..., None]) * tint
    file = BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, kind)
    return file.getvalue()


def put_picture(path: Path, *, size: tuple[int, int] = (40, 32)) -> None:
    """Write a tiny picture whose format follows the file's ending."""
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiny_picture(f"{path.parent.name}/{path.name}", size=size, kind=kind))


def put_text(path: Path, text: str, *, encoding: str = "utf-8") -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def put_table(
    path: Path, head: Sequence[str], rows: Iterable[Sequence[object]], *, encoding: str = "utf-8"
) -> None:
    """Write a CSV."""
    file = StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    put_text(path, file.getvalue(), encoding=encoding)
