"""What classifiers see of pictures: 8x8 thumbnails, and the encoder's features, which are kept on disk."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from doctorsun.core.files import write_whole
from doctorsun.core.progress import reporter

Matrix = NDArray[np.float64]
Features = Callable[[list[bytes]], NDArray[np.floating]]
_SIDE = 8
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Looks:
    """Vectors of pictures by SHA-256; `features` is empty where there is no encoder to ask."""

    thumbnails: Mapping[str, Matrix]
    features: Mapping[str, Matrix]


def look(
    pictures: Iterable[tuple[str, bytes]], cache: Path, *, total: int, features: Features | None, model: str
) -> Looks:
    """The vectors of all pictures that open; features of this model in `cache` are not made again."""
    thumbnails: dict[str, Matrix] = {}
    known = _read(cache, model) if features else {}
    made = dict(known)
    waiting: dict[str, bytes] = {}
    for done, (name, image) in enumerate(pictures, start=1):
        small = _thumbnail(image)
        if small is not None:
            thumbnails[name] = small
            if name not in made:
                waiting[name] = image
        if features and len(waiting) >= _BATCH:
            made.update(_ask(features, waiting))
            waiting = {}
        reporter().step("evals.looking", done, total)
    if features and waiting:
        made.update(_ask(features, waiting))
    if len(made) > len(known):
        _write(cache, made, model)
    return Looks(thumbnails, made if features else {})


def _ask(features: Features, waiting: Mapping[str, bytes]) -> dict[str, Matrix]:
    rows = np.asarray(features(list(waiting.values())), dtype=np.float64)
    return dict(zip(waiting, rows, strict=True))


def _thumbnail(image: bytes) -> Matrix | None:
    try:
        with Image.open(BytesIO(image)) as opened:
            small = opened.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError):
        return None
    return np.asarray(small, dtype=np.float64).ravel() / 255


def _read(cache: Path, model: str) -> dict[str, Matrix]:
    if not cache.is_file():
        return {}
    with np.load(cache, allow_pickle=False) as held:
        if str(held["model"]) != model:
            return {}
        return {str(name): row for name, row in zip(held["names"], held["rows"], strict=True)}


def _write(cache: Path, rows: Mapping[str, Matrix], model: str) -> None:
    out = BytesIO()
    matrix = np.stack([rows[name] for name in rows]).astype(np.float32)
    np.savez(out, model=np.asarray(model), names=np.asarray(list(rows)), rows=matrix)
    write_whole(cache, out.getvalue())
