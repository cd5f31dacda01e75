"""One DICOM file made safe: read, rewritten, scanned for what was left, and released only if nothing was.

Arguments and result are JSON values, so that the work can be done in a guarded process.
"""

from pathlib import Path
from typing import Any

from doctorsun.core.errors import MissingExtra


def deidentify_file(path: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """What became of a file: `{"state", "reason", "name", "counts", "notes"}`.

    `state` is "released" (written to OUT/`name`), "kept" (it was there already) or "quarantined" for
    `reason`, a key of `text/`; RecordError refuses what is no readable DICOM file. `options`: `key` (hex),
    `policy`, `name` (the path below the source; it may hold identifiers), `ticked` (a person has looked at
    it).
    `counts` are numbers by action, `left` by kind of value, never a value.
    """
    try:
        import pydicom  # noqa: F401 - the whole package below needs it
    except ImportError:
        raise MissingExtra("DICOM", "imaging") from None
    from doctorsun.privacy.dicom.release import release

    return release(Path(path), Path(out), options)
