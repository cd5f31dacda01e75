"""What a kept part depends on beside its recipe: the code, the words and the libraries it was made by."""

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL
import pyarrow as pa

ROOMS = ("core", "language", "imaging", "privacy", "data")


@cache
def code_fingerprint() -> str:
    """A hash of the code, words and versions that data sets are made by."""
    digest = hashlib.sha256(f"{PIL.__version__} {pa.__version__} {np.__version__}".encode())
    for room in ROOMS:
        folder = Path(str(resources.files(f"doctorsun.{room}")))
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".yaml"}:
                digest.update(f"{room}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def module_fingerprint(module: ModuleType) -> str:
    """A hash of one module's file, which may be of another package."""
    raw = Path(module.__file__).read_bytes() if module.__file__ else b""
    return hashlib.sha256(raw).hexdigest()
