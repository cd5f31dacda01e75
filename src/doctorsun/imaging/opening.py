"""`load_study(path)`: what lies at a path, told by content, read, or refused with a reason."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.archive import ZIP_MAGIC, Entry, found_files
from doctorsun.imaging.study import USUAL_LIMITS, Remark, Series, Study, StudyLimits

if TYPE_CHECKING:
    from doctorsun.imaging.dicom.header import Header

Kind = Literal["empty", "dicom", "nifti", "slide", "picture", "zip", "unknown"]

_HEAD = 560
_ANALYZE_SIZE = 348
_NIFTI2_SIZE = 540
_NIFTI_MAGICS = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")
_NIFTI1_MAGIC_AT = 344
_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURE_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 31
_GZIP_HEAD = 64 * 1024
# A file without the magic word starts with one of these groups, little or big endian (PS3.10 7.1).
_FIRST_GROUPS = {b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"}
_LONGEST_FIRST_VALUE = 2**16


@dataclass(slots=True)
class _Gathered:
    headers: "list[Header]" = field(default_factory=list)
    slides: list[Entry] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    refused: list[Remark] = field(default_factory=list)


def load_study(path: Path, *, limits: StudyLimits = USUAL_LIMITS) -> Study:
    """All series at a path (a file, a folder, a zip, a DICOMDIR) and every file that was refused.

    Pixels are decoded when a frame is asked for. DataError when there is nothing at the path; a file that
    cannot be read is refused with a remark and stops none of the others.
    """
    found = found_files(path, limits)
    names = {entry.name for entry in found.entries}
    gathered = _Gathered(refused=list(found.refused))
    for entry in found.entries:
        _with_reason(gathered, entry.name, lambda entry=entry: _take(entry, names, gathered, limits))  # type: ignore[misc]
    series = [*_dicom_series(gathered, limits), *gathered.series]
    return Study(tuple(series), tuple(gathered.refused))


def _with_reason(gathered: _Gathered, where: str, read: Callable[[], None]) -> None:
    """Read; what the file's own fault is becomes a remark."""
    try:
        read()
    except (RecordError, MissingExtra) as error:
        values = {key: value for key, value in error.values.items() if key != "where"}
        gathered.refused.append(Remark(error.key, where, values))


def kind_of(entry: Entry) -> Kind:
    """What a file is by its content, whatever its name."""
    head = entry.head(_HEAD)
    if head[128:132] == b"DICM":
        # First of all: the 128 bytes before it may be made to look like anything.
        return "dicom"
    if head.startswith(_GZIP_MAGIC):
        return _packed_kind(entry)
    if head.startswith(_TIFF_MAGICS):
        from doctorsun.imaging.slides.tiff import is_slide

        return "slide" if is_slide(entry) else "picture"
    return _plain_kind(head)


def _plain_kind(head: bytes) -> Kind:
    checks: dict[Kind, bool] = {
        "empty": not head,
        "zip": head.startswith(ZIP_MAGIC),
        "nifti": _is_volume(head),
        "picture": head.startswith(_PICTURE_MAGICS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
        "dicom": head[128:132] == b"DICM" or _starts_like_dicom(head),
    }
    return next((kind for kind, found in checks.items() if found), "unknown")


def _take(entry: Entry, names: set[str], gathered: _Gathered, limits: StudyLimits) -> None:
    kind = kind_of(entry)
    if kind == "dicom":
        _take_dicom(entry, gathered, limits)
    elif kind == "nifti":
        from doctorsun.imaging.nifti import read_nifti

        gathered.series.extend(read_nifti(entry, limits))
    elif kind == "slide":
        from doctorsun.imaging.slides import read_slide

        gathered.series.extend(read_slide(entry, limits))
    elif kind == "picture":
        from doctorsun.imaging.photos import read_photo

        gathered.series.append(read_photo(entry, limits))
    elif kind == "unknown" and _is_companion(entry.name, names):
        return
    else:
        keys = {"empty": "imaging.empty", "zip": "imaging.nested_zip"}
        raise RecordError(keys.get(kind, "imaging.unknown_format"), where=entry.name)


def _take_dicom(entry: Entry, gathered: _Gathered, limits: StudyLimits) -> None:
    try:
        from doctorsun.imaging.dicom import kinds
        from doctorsun.imaging.dicom.header import read_header
    except ModuleNotFoundError:
        raise MissingExtra("DICOM", "imaging") from None
    try:
        header = read_header(entry, limits)
    except RecordError as error:
        # A list of the files that are read anyway.
        if error.key == "imaging.is_directory":
            return
        raise
    if header.sop_class == kinds.SLIDE:
        gathered.slides.append(entry)
    else:
        gathered.headers.append(header)


def _dicom_series(gathered: _Gathered, limits: StudyLimits) -> Iterator[Series]:
    if gathered.headers:
        from doctorsun.imaging.dicom.series import series_of

        yield from series_of(gathered.headers, limits)
    if gathered.slides:
        from doctorsun.imaging.slides import read_dicom_slide

        found: list[Series] = []
        entries = tuple(gathered.slides)
        _with_reason(gathered, entries[0].name, lambda: found.extend(read_dicom_slide(entries, limits)))
        yield from found


def _packed_kind(entry: Entry) -> Kind:
    """What a gzip file packs: a NIfTI volume or a DICOM file."""
    try:
        head = zlib.decompressobj(_GZIP_BITS).decompress(entry.head(_GZIP_HEAD), _HEAD)
    except zlib.error:
        return "unknown"
    kind = _plain_kind(head)
    return kind if kind in {"nifti", "dicom"} else "unknown"


def _is_volume(head: bytes) -> bool:
    """NIfTI-1, NIfTI-2 or Analyze 7.5: a header that starts with its own size."""
    sizes = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    if _NIFTI2_SIZE in sizes:
        return head[4:8] in _NIFTI_MAGICS
    return _ANALYZE_SIZE in sizes and len(head) >= _ANALYZE_SIZE


def _starts_like_dicom(head: bytes) -> bool:
    """Whether the first element reads like one of DICOM: a known group, then a type or a short length."""
    if len(head) < 8 or head[:2] not in _FIRST_GROUPS:
        return False
    is_typed = head[4:6].isalpha() and head[4:6].isupper()
    order: Literal["little", "big"] = "little" if head[1] == 0 else "big"
    return is_typed or (order == "little" and int.from_bytes(head[4:8], order) < _LONGEST_FIRST_VALUE)


def _is_companion(name: str, names: set[str]) -> bool:
    """Whether a file holds the voxels of a header file that is read beside it (.img of .hdr)."""
    stem, _, suffix = name.rpartition(".")
    return suffix.lower() == "img" and bool({f"{stem}.hdr", f"{stem}.HDR"} & names)
