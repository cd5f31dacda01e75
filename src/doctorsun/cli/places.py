"""What a word of the command line stands for: a model's folder, a data set's folder, a picture's bytes."""

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image

from doctorsun.core.errors import DataError, ModelError, StorageError
from doctorsun.core.plugins import near

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
LARGEST_BYTES = 20 * 2**20
LARGEST_PIXELS = 64 * 10**6
RUNS, DATASETS = Path("runs"), Path("datasets")


def model_folder(word: str) -> Path:
    """The folder of a model: itself, or the `model/` of a run given by path or by name."""
    for place in (Path(word), RUNS / word):
        for folder in (place, place / "model"):
            if (folder / "config.json").is_file():
                return folder
    place = Path(word)
    if place.is_dir() and (place / "recipe.yaml").is_file():
        raise ModelError("cli.unfinished_run", where=place)
    if word and place.exists():
        raise ModelError("cli.not_a_model", where=place)
    known = names(RUNS, "model/config.json")
    if not known:
        raise ModelError("cli.no_model_yet", where=word)
    raise ModelError("cli.no_model", where=word, near=near(word, known))


def run_of(folder: Path) -> Path:
    """The run that a model's folder belongs to; for a model from elsewhere, a place below `runs/`."""
    return folder.parent if folder.name == "model" else RUNS / folder.name


def dataset_folder(word: str) -> Path:
    """The folder of a built data set, given by path or by name."""
    for place in (Path(word), DATASETS / word):
        if (place / "dataset.json").is_file():
            return place
    if word and Path(word).exists():
        raise DataError("cli.not_a_dataset", where=word)
    known = names(DATASETS, "dataset.json")
    if not known:
        raise DataError("cli.no_dataset_yet", where=word)
    raise DataError("cli.no_dataset", where=word, near=near(word, known))


def picture(path: Path) -> bytes:
    """The bytes of an image file that can be decoded; one clear line for anything else."""
    if path.is_dir():
        raise StorageError("core.is_folder", path=path)
    if not path.is_file():
        raise StorageError("cli.no_file", where=path)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise DataError("cli.large_file", where=path, found=size // 2**20, limit=LARGEST_BYTES // 2**20)
    content = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    found, limit = image.width * image.height // 10**6, LARGEST_PIXELS // 10**6
                    raise DataError("cli.large_picture", where=path, found=found, limit=limit)
                image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError("cli.not_a_picture", where=path, formats=", ".join(FORMATS)) from error
    return content


def names(folder: Path, mark: str) -> list[str]:
    """The names of the folders below `folder` that hold the file `mark`."""
    return sorted(path.name for path in folder.glob("*") if (path / mark).is_file())
