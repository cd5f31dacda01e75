"""Headers -> series: grouped by what belongs together, ordered by where it lies, faults told."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from doctorsun.imaging.dicom.geometry import SAME_MM, Stack, depth_mm, geometry_of, stack_of, step_of
from doctorsun.imaging.dicom.header import Header, one_of
from doctorsun.imaging.dicom.pixels import read_frame
from doctorsun.imaging.dicom.places import Place
from doctorsun.imaging.study import USUAL_LIMITS, Frame, Remark, Series, StudyLimits

_SAME_DIRECTION = 0.01
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Slice:
    """Frame number `index` of a file."""

    header: Header
    index: int

    @property
    def place(self) -> Place:
        """Where it lies."""
        return one_of(self.header.places, self.index)

    @property
    def order(self) -> tuple[object, ...]:
        """What comes first of those that lie at one place, or of those whose place is unknown."""
        return (*one_of(self.header.ranks, self.index), self.header.entry.name, self.index)


@dataclass(frozen=True, slots=True)
class _Group:
    """Slices of one series in their order; `volume` of them make up a stack, further ones repeat it."""

    slices: tuple[Slice, ...]
    volume: int
    remarks: tuple[Remark, ...]


def series_of(headers: Iterable[Header], limits: StudyLimits = USUAL_LIMITS) -> tuple[Series, ...]:
    """The series of a study's files, by series number; each frame is in one, copies of a file in none."""
    by_uid: dict[tuple[float, str], list[Header]] = defaultdict(list)
    for header in headers:
        by_uid[header.series_number, header.series_uid or header.entry.name].append(header)
    groups = [group for key in sorted(by_uid) for group in _groups(by_uid[key])]
    return tuple(_series(group, number, limits) for number, group in enumerate(groups, start=1))


def _groups(headers: Sequence[Header]) -> list[_Group]:
    kept, copies = _without_copies(headers)
    parts = _parts([Slice(header, index) for header in kept for index in range(header.layout.frames)])
    remarks = [copies] if copies else []
    if len({key[:-1] for key in parts}) > 1:
        remarks.append(Remark("imaging.mixed_series", headers[0].entry.name, {"count": len(parts)}))
    return [group for part in parts.values() for group in _ordered(part, tuple(remarks))]


def _without_copies(headers: Sequence[Header]) -> tuple[list[Header], Remark | None]:
    """The files of different SOP instances, in the order of their names."""
    kept: dict[str, Header] = {}
    copies = []
    for header in headers:
        if header.sop_uid and header.sop_uid in kept:
            copies.append(header.entry.name)
        else:
            kept[header.sop_uid or header.entry.name] = header
    if not copies:
        return list(kept.values()), None
    return list(kept.values()), Remark("imaging.copies", copies[0], {"count": len(copies)})


def _parts(slices: Sequence[Slice]) -> dict[tuple[Hashable, ...], list[Slice]]:
    """Slices that can be shown as one stack or one row of pictures; the last of a key is the segment."""
    directions: list[tuple[float, ...]] = []
    known: dict[tuple[float, ...] | None, int] = {}
    parts: dict[tuple[Hashable, ...], list[Slice]] = defaultdict(list)
    for one in slices:
        header, orientation = one.header, one.place.orientation
        if orientation not in known:
            known[orientation] = _direction(orientation, directions)
        # A film of frames without a place is one of its own.
        film = header.sop_uid if header.layout.frames > 1 and one.place.position is None else ""
        layout, facts = header.layout, header.facts
        shown = (layout.rows, layout.columns, layout.is_colour, header.unit.meaning, header.is_localizer)
        named = (facts.modality, facts.laterality, facts.view)
        segment = one_of(header.segments, one.index)
        parts[(*shown, *named, known[orientation], film, segment)].append(one)
    return parts


def _direction(orientation: tuple[float, ...] | None, directions: list[tuple[float, ...]]) -> int:
    """The number of the first direction that is the same within rounding; a new one is added."""
    if orientation is None:
        return -1
    for number, other in enumerate(directions):
        if max(abs(a - b) for a, b in zip(orientation, other, strict=True)) < _SAME_DIRECTION:
            return number
    directions.append(orientation)
    return len(directions) - 1


def _ordered(slices: list[Slice], remarks: tuple[Remark, ...]) -> list[_Group]:
    depths = {id(one): depth_mm(one.place) for one in slices}
    if None in depths.values():
        return [_Group(tuple(sorted(slices, key=lambda one: one.order)), 0, remarks)]
    slices = sorted(slices, key=lambda one: (depths[id(one)], *one.order))
    layers = _layers(slices, [depths[id(one)] or 0.0 for one in slices])
    if len(layers) == 1:
        return [_Group(tuple(layers[0]), len(layers[0]), remarks)]
    where = slices[0].header.entry.name
    if len({len(layer) for layer in layers}) == 1:
        counts = {"times": len(layers), "slices": len(layers[0])}
        told = (*remarks, Remark("imaging.repeated", where, counts))
        return [_Group(tuple(one for layer in layers for one in layer), len(layers[0]), told)]
    rest = [one for layer in layers[1:] for one in layer]
    told = (*remarks, Remark("imaging.duplicates", rest[0].header.entry.name, {"count": len(rest)}))
    return [_Group(tuple(layers[0]), len(layers[0]), told), _Group(tuple(rest), len(rest), told)]


def _layers(slices: Sequence[Slice], depths: Sequence[float]) -> list[list[Slice]]:
    """The first slice of every place, the second of every place, and so on, in the order of their places."""
    layers: list[list[Slice]] = []
    turn, start = 0, depths[0]
    here: list[Slice] = []
    for one, depth in zip([*slices, None], [*depths, float("inf")], strict=True):
        if depth - start > SAME_MM:
            for turn, repeated in enumerate(sorted(here, key=lambda one: one.order)):
                if turn == len(layers):
                    layers.append([])
                layers[turn].append(repeated)
            here, start = [], depth
        if one is not None:
            here.append(one)
    return layers


def _series(group: _Group, number: int, limits: StudyLimits) -> Series:
    first = group.slices[0].header
    places = [one.place for one in group.slices[: group.volume]]
    stack = stack_of(places)
    step = step_of(places, stack.spacing_mm) if places else None
    names = [one.header.entry.name for one in group.slices]
    remarks = (*group.remarks, *_stack_remarks(stack, names), *_file_remarks(group.slices))
    return Series(
        name=f"{first.facts.modality or 'DICOM'}-{number}",
        format="dicom",
        facts=first.facts,
        geometry=geometry_of(group.slices[0].place, stack.spacing_mm, step),
        shape=(first.layout.rows, first.layout.columns),
        sources=tuple(names),
        read=partial(_read, group.slices, stack.spacing_mm, limits),
        remarks=remarks,
    )


def _read(slices: tuple[Slice, ...], spacing_mm: float | None, limits: StudyLimits, index: int) -> Frame:
    one = slices[index]
    geometry = geometry_of(one.place, spacing_mm, None)
    return read_frame(one.header, one.index, geometry=geometry, limits=limits)


def _stack_remarks(stack: Stack, names: Sequence[str]) -> list[Remark]:
    """The faults of a stack, each with the slice (counted from 1) where it is."""
    found = []
    if stack.missing:
        count = sum(lost for _, lost in stack.missing)
        after = ", ".join(str(place) for place, _ in stack.missing[:_NAMED])
        after += ", …" if len(stack.missing) > _NAMED else ""
        found.append(
            Remark("imaging.missing_slices", names[stack.missing[0][0] - 1], {"count": count, "after": after})
        )
    if stack.irregular_mm:
        low, high = (f"{gap:.3g}" for gap in stack.irregular_mm)
        found.append(Remark("imaging.irregular_spacing", names[0], {"low": low, "high": high}))
    if stack.tilt_degrees:
        found.append(Remark("imaging.tilted", names[0], {"degrees": f"{stack.tilt_degrees:.1f}"}))
    return found


def _file_remarks(slices: Sequence[Slice]) -> list[Remark]:
    """What the files say of themselves, each thing once."""
    found: dict[tuple[str, str], Remark] = {}
    for one in slices:
        for remark in one.header.remarks:
            found.setdefault((remark.key, str(remark.values)), remark)
    return list(found.values())
