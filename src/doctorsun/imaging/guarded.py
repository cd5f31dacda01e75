"""A study that a worker process reads: a file that brings its reader down costs itself, not the job."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from doctorsun.imaging.isolation import Costs, Guard
from doctorsun.imaging.study import Facts, Frame, Geometry, Lut, Remark, Series, Study, Window

USUAL = Costs()
_open: dict[str, Study] = {}


@contextmanager
def guarded_study(path: Path, *, costs: Costs = USUAL) -> Iterator[Study]:
    """The study at `path` for the time of a block; its frames are decoded in a worker, one at a time.

    RecordError where a file crashes, hangs or swells; DataError where there is nothing at `path`.
    """
    with Guard(costs) as guard:
        told = guard.run(_contents, str(path), where=path.name)
        series = tuple(
            _series(one, partial(_frame, guard, path, number)) for number, one in enumerate(told["series"])
        )
        yield Study(series, tuple(_remark(one) for one in told["refused"]))


def _study(path: str) -> Study:
    """In the worker: the study at a path, opened once."""
    from doctorsun.imaging.opening import load_study

    if path not in _open:
        _open[path] = load_study(Path(path))
    return _open[path]


def _contents(path: str) -> dict[str, Any]:
    study = _study(path)
    series = [
        {
            "name": one.name,
            "format": one.format,
            "facts": asdict(one.facts),
            "geometry": asdict(one.geometry),
            "shape": one.shape,
            "sources": one.sources,
            "remarks": [asdict(remark) for remark in one.remarks],
        }
        for one in study.series
    ]
    return {"series": series, "refused": [asdict(remark) for remark in study.refused]}


def _decoded(path: str, number: int, index: int) -> dict[str, Any]:
    return asdict(_study(path).series[number].frame(index))


def _frame(guard: Guard, path: Path, number: int, index: int) -> Frame:
    """In this process: one frame, as the worker decoded it."""
    told = guard.run(_decoded, str(path), number, index, where=path.name)
    told["geometry"] = _geometry(told["geometry"])
    told["window"] = Window(**told["window"]) if told["window"] else None
    told["lut"] = Lut(**told["lut"]) if told["lut"] else None
    told["padding"] = tuple(told["padding"]) if told["padding"] else None
    told["regions"] = tuple(tuple(box) for box in told["regions"])
    return Frame(**told)


def _series(told: Mapping[str, Any], read: "partial[Frame]") -> Series:
    return Series(
        name=told["name"],
        format=told["format"],
        facts=Facts(**told["facts"]),
        geometry=_geometry(told["geometry"]),
        shape=(told["shape"][0], told["shape"][1]),
        sources=tuple(told["sources"]),
        read=read,
        remarks=tuple(_remark(one) for one in told["remarks"]),
    )


def _geometry(told: Mapping[str, Any]) -> Geometry:
    spacing = told["spacing_mm"]
    return Geometry(**{**told, "spacing_mm": tuple(spacing) if spacing else None})


def _remark(told: Mapping[str, Any]) -> Remark:
    return Remark(told["key"], told["where"], told["values"])
