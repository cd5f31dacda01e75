"""NIfTI and Analyze files opened by nibabel, by what their header says, with its claims checked first."""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.imaging.incoming import Entry, check_size
from doctorsun.imaging.study import StudyLimits

_GZIP = b"\x1f\x8b"
_HEAD = 540
_DAMAGE = (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, zlib.error)
_PAIRS = (".hdr", ".img")


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Where a volume's bytes are: one file, or a header and the file of its values beside it."""

    entry: Entry
    values: Path | None
    packed: bool


def source_of(entry: Entry, limits: StudyLimits) -> Source:
    """What belongs to an entry; RecordError where the other half of a pair is not there."""
    check_size(entry, limits)
    name = entry.name.lower()
    if not name.endswith(_PAIRS):
        return Source(entry, None, packed=_start(Source(entry, None, packed=False), 2) == _GZIP)
    head, values = (_sibling(entry.path, suffix) for suffix in _PAIRS)
    if head is None or values is None:
        raise RecordError("imaging.half_pair", where=entry.name)
    if values.stat().st_size > limits.max_bytes:
        raise RecordError(
            "imaging.file_too_large",
            where=entry.name,
            found=values.stat().st_size >> 20,
            limit=limits.max_bytes >> 20,
        )
    return Source(_Beside(entry.name, head), values, packed=False)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The header of a pair, whichever of the two files was named."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self) -> bytes:
        return self.path.read_bytes()


@contextmanager
def damage(where: str) -> Iterator[None]:
    """Turn what nibabel raises on a damaged file into one RecordError; MissingExtra without nibabel."""
    try:
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError, HeaderTypeError, ImageDataError
        from nibabel.wrapstruct import WrapStructError
    except ImportError:
        raise MissingExtra("NIfTI", "imaging") from None
    own = (ImageFileError, HeaderDataError, HeaderTypeError, ImageDataError, WrapStructError)
    try:
        yield
    except (*_DAMAGE, *own):
        raise RecordError("imaging.damaged", where=where) from None


def header_of(source: Source, limits: StudyLimits) -> Any:  # noqa: ANN401 - nibabel has no types
    """The header of a file by nibabel; RecordError where it is no volume, too large or cut short."""
    where = source.entry.name
    with damage(where):
        kind, head = _kind(source)
        header = kind.header_class(head[: kind.header_class.sizeof_hdr], check=False)
        shape, dtype = header.get_data_shape(), header.get_data_dtype()
        claimed = _claimed(header)
    if min(shape, default=0) < 1 or sum(length > 1 for length in shape[:3]) < 2:
        raise RecordError("imaging.nifti_shape", where=where, found=" x ".join(map(str, shape)) or "0")
    if dtype.kind == "c":
        raise RecordError("imaging.nifti_complex", where=where)
    if claimed > limits.max_bytes:
        raise RecordError(
            "imaging.file_too_large", where=where, found=claimed >> 20, limit=limits.max_bytes >> 20
        )
    there = source.values.stat().st_size if source.values else source.entry.size
    if not source.packed and there < claimed:
        raise RecordError("imaging.damaged", where=where)
    return header


@dataclass(frozen=True, slots=True)
class Voxels:
    """The stored values of a volume, mapped from disk or unpacked in memory, and how they are scaled."""

    stored: NDArray[Any]
    slope: float
    intercept: float

    def at(self, place: tuple[slice | int, ...]) -> NDArray[Any]:
        """The scaled values of a part of the volume."""
        from nibabel.volumeutils import apply_read_scaling

        scaled: NDArray[Any] = apply_read_scaling(np.asarray(self.stored[place]), self.slope, self.intercept)
        return scaled


def voxels_of(source: Source, limits: StudyLimits) -> Voxels:
    """The values of a file; RecordError as `header_of`, or where they cannot be unpacked."""
    from nibabel.fileholders import FileHolder

    claimed = _claimed(header_of(source, limits))
    where = source.entry.name
    with damage(where):
        kind, _ = _kind(source)
        # SPM's .mat file is MATLAB's, and not read.
        files = {"mat": FileHolder(fileobj=BytesIO())}
        if source.values is not None:
            files["header"] = FileHolder(str(source.entry.path))
            files["image"] = FileHolder(str(source.values))
        elif source.entry.path is not None and not source.packed:
            files["header"] = files["image"] = FileHolder(str(source.entry.path))
        else:
            # One byte more than claimed, so that the checksum at the end is read, and never a bomb.
            raw = _start(source, claimed + 1)
            if len(raw) < claimed:
                raise RecordError("imaging.damaged", where=where)
            files["header"] = files["image"] = FileHolder(fileobj=BytesIO(raw))
        values = kind.from_file_map(files).dataobj
        return Voxels(values.get_unscaled(), values.slope, values.inter)


def is_nifti(header: Any) -> bool:  # noqa: ANN401 - nibabel has no types
    """Whether a header tells an orientation, as NIfTI does and Analyze does not."""
    return "sform_code" in header


def _kind(source: Source) -> tuple[Any, bytes]:
    """The class of nibabel for a file and the start of it; RecordError where it is no volume."""
    from nibabel import Nifti1Image, Nifti1Pair, Nifti2Image, Nifti2Pair, Spm2AnalyzeImage

    head = _start(source, _HEAD)
    pairs = (Nifti1Pair, Nifti2Pair, Spm2AnalyzeImage)
    for kind in pairs if source.values is not None else (Nifti1Image, Nifti2Image):
        if kind.header_class.may_contain_header(head):
            return kind, head
    raise RecordError("imaging.no_nifti", where=source.entry.name)


def _claimed(header: Any) -> int:  # noqa: ANN401 - nibabel has no types
    """The bytes a file must have, by its header."""
    values = math.prod(int(length) for length in header.get_data_shape()) * header.get_data_dtype().itemsize
    return int(header.get_data_offset() + values)


def _start(source: Source, count: int) -> bytes:
    """The first bytes of the header's file, unpacked."""
    entry = source.entry
    with entry.path.open("rb") if entry.path is not None else BytesIO(entry.read()) as file:
        if not source.packed:
            return file.read(count)
        with gzip.open(file, "rb") as unpacked:
            return unpacked.read(count)


def _sibling(path: Path | None, suffix: str) -> Path | None:
    """The file beside `path` with the same name and another suffix, whatever its case."""
    if path is None:
        return None
    names = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((name for name in names if name.is_file()), None)
