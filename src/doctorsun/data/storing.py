"""Files that several processes may make at once: each aside under a name of its own, fsynced, renamed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from doctorsun.core.files import storage_errors, sync_folder

ASIDE = ".part"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to, which becomes `path` if the block ends well; StorageError names `path`."""
    aside = path.with_name(f"{path.name}.{uuid4().hex}{ASIDE}")
    with storage_errors(path):
        try:
            yield aside
            sync_folder(aside)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
