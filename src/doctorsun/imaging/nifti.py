"""NIfTI and Analyze volumes as series of slices in the patient's frame, read when they are asked for.

A volume is cut across the axis that `choosing.cut_axis` names, and each slice is laid out as a radiologist
sees it: the patient's right (or front) on the left of the picture, front (or head) up.
"""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import RecordError
from doctorsun.imaging.choosing import Cut, cut_axis, plane_of
from doctorsun.imaging.incoming import Entry, check_pixels
from doctorsun.imaging.study import Facts, Frame, Geometry, Remark, Series, StudyLimits, Window
from doctorsun.imaging.volumes import Source, damage, header_of, is_nifti, source_of, voxels_of
from doctorsun.imaging.windows import span

# Rows and columns of a picture and the order of slices, as signed axes of the patient's frame (left,
# posterior, superior): the third is the cross product of the first two, columns before rows.
_LAYOUTS = {
    2: ((0, 1), (1, 1), (2, 1)),
    1: ((0, 1), (2, -1), (1, 1)),
    0: ((1, 1), (2, -1), (0, -1)),
}
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LABEL_INTENT = 1002
_FLAT = 1e-12


def read_nifti(entry: Entry, limits: StudyLimits, *, cut: Cut = "acquired") -> tuple[Series, ...]:
    """The series of a NIfTI-1, NIfTI-2 or Analyze file: .nii, .nii.gz, or .hdr and .img side by side.

    Values are scaled by slope and intercept and have no unit ("intensity", "label" where the file says so,
    "rgb" for colours). The frame is the sform if it has a code, else the qform; with neither, and in
    Analyze files, left and right are not told, so the geometry keeps the spacing only. Of several volumes
    the first is read, with a remark. RecordError says what is wrong with the file.
    """
    source = source_of(entry, limits)
    header = header_of(source, limits)
    with damage(entry.name):
        layout = _layout(header, cut)
    check_pixels(entry.name, (layout.shape[1], layout.shape[0]), limits)
    if layout.count > limits.max_frames:
        raise RecordError("imaging.too_many_pages", where=entry.name, limit=limits.max_frames)
    series = Series(
        name=entry.name,
        format="nifti",
        facts=Facts(),
        geometry=layout.geometry(0),
        shape=layout.shape,
        sources=(entry.name,) * layout.count,
        read=partial(_frame, source, limits, layout, _Shown.of(header)),
        remarks=_remarks(header, entry.name, layout.known),
    )
    return (series,)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which stored axis, and in which direction, becomes the columns, the rows and the slices."""

    axes: tuple[int, int, int]
    forward: tuple[bool, bool, bool]
    sizes: tuple[int, int, int]
    affine: NDArray[np.float64]
    known: bool
    spaced: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice."""
        return self.sizes[1], self.sizes[0]

    @property
    def count(self) -> int:
        """The number of slices."""
        return self.sizes[2]

    def stored(self, index: int) -> int:
        """The place of slice `index` on its stored axis."""
        return index if self.forward[2] else self.count - 1 - index

    def geometry(self, index: int) -> Geometry:
        """The geometry whose slice 0 is slice `index`."""
        moved = self.affine.copy()
        moved[:3, 3] += index * self.affine[:3, 2]
        columns, rows, slices = (float(np.linalg.norm(self.affine[:3, axis])) for axis in range(3))
        return Geometry(
            spacing_mm=(rows, columns) if self.spaced else None,
            slice_spacing_mm=slices if self.spaced else None,
            plane=plane_of(np.cross(moved[:3, 0], moved[:3, 1])) if self.known else None,
            affine_lps=moved if self.known else None,
        )


def _layout(header: Any, cut: Cut) -> _Layout:  # noqa: ANN401 - nibabel has no types
    from nibabel.orientations import io_orientation

    lengths = (*header.get_data_shape()[:3], 1)
    shape = (int(lengths[0]), int(lengths[1]), int(lengths[2]))
    affine, known, spaced = _affine(header)
    nearest = {int(patient): (axis, sign > 0) for axis, (patient, sign) in enumerate(io_orientation(affine))}
    axes, forward = [], []
    for patient, direction in _LAYOUTS[cut_axis(affine, shape, cut)]:
        axis, ahead = nearest[patient]
        axes.append(axis)
        forward.append(ahead == (direction > 0))
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for place, (axis, ahead) in enumerate(zip(axes, forward, strict=True)):
        turn[axis, place] = 1 if ahead else -1
        turn[axis, 3] = 0 if ahead else shape[axis] - 1
    return _Layout(
        axes=(axes[0], axes[1], axes[2]),
        forward=(forward[0], forward[1], forward[2]),
        sizes=(shape[axes[0]], shape[axes[1]], shape[axes[2]]),
        affine=affine @ turn,
        known=known,
        spaced=spaced,
    )


def _affine(header: Any) -> tuple[NDArray[np.float64], bool, bool]:  # noqa: ANN401 - nibabel has no types
    """From voxels to mm in the patient's frame (LPS), whether the file tells it, and at least its spacing."""
    told = is_nifti(header) and bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    unit = {1: 1000.0, 3: 0.001}.get(int(header["xyzt_units"]) & 7, 1.0) if is_nifti(header) else 1.0
    for known in (True, False) if told else (False,):
        affine = _LPS @ np.asarray(
            header.get_best_affine() if known else header.get_base_affine(), np.float64
        )
        affine[:3] *= unit
        if np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > _FLAT:
            return affine, known, True
    return np.eye(4), False, False


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the header says of the values: whether they are labels, and the range to show."""

    meaning: Literal["label", "intensity"] = "intensity"
    window: Window | None = None

    @classmethod
    def of(cls, header: Any) -> "_Shown":  # noqa: ANN401 - nibabel has no types
        if not is_nifti(header):
            return cls()
        low, high = float(header["cal_min"]), float(header["cal_max"])
        told = np.isfinite([low, high]).all() and high > low
        label = int(header["intent_code"]) == _LABEL_INTENT
        return cls("label" if label else "intensity", span(low, high) if told else None)


def _frame(source: Source, limits: StudyLimits, layout: _Layout, shown: _Shown, index: int) -> Frame:
    voxels = _latest(source, limits)
    dimensions = voxels.stored.ndim
    place: list[slice | int] = [slice(None)] * min(dimensions, 3) + [0] * max(dimensions - 3, 0)
    across, down, through = layout.axes
    if through < dimensions:
        place[through] = layout.stored(index)
    with damage(source.entry.name):
        stored = voxels.at(tuple(place))
    columns, rows, _ = layout.sizes
    picture = stored.reshape(columns, rows).T if across < down else stored.reshape(rows, columns)
    picture = picture[:: 1 if layout.forward[1] else -1, :: 1 if layout.forward[0] else -1]
    geometry = layout.geometry(index)
    if picture.dtype.names:
        return Frame(_colours(picture), "rgb", geometry)
    return Frame(np.ascontiguousarray(picture, dtype=np.float32), shown.meaning, geometry, shown.window)


def _colours(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Red, green and blue of a picture of structures, on black where there is a fourth channel."""
    channels = [picture[name] for name in picture.dtype.names or ()]
    colours = np.stack(channels[:3], axis=-1)
    if len(channels) == 4:
        colours = (colours * (channels[3][..., None] / 255)).round()
    return colours.astype(np.uint8)


def _remarks(header: Any, where: str, known: bool) -> tuple[Remark, ...]:  # noqa: ANN401 - as above
    found = []
    volumes = math.prod(int(length) for length in header.get_data_shape()[3:])
    if volumes > 1:
        found.append(Remark("imaging.first_volume", where, {"count": volumes}))
    if not known:
        found.append(Remark("imaging.orientation_unknown", where))
    return tuple(found)


# Slices of one volume are mostly read one after another, so the volume read last stays unpacked.
_latest = lru_cache(maxsize=1)(voxels_of)
