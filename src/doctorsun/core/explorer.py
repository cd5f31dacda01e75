"""Curves of many runs that a reader smooths, spaces and chooses for himself; drawn by `explorer.js`.

The numbers stand in the page as JSON, so it needs no server; long curves are thinned, each bucket to the
points where it is lowest and highest.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite

from doctorsun.core.words import Words, both, html, label, plain, tag

KEPT_POINTS = 800


@dataclass(frozen=True, slots=True)
class Course:
    """One figure of one run in one stage: `x` are its places on every axis (step, time_s, …), `y` the values.

    `offsets` are where the stage begins on every axis, for a view of all stages in a row.
    """

    run: str
    stage: str
    figure: str
    x: Mapping[str, Sequence[float]]
    y: Sequence[float]
    offsets: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Explorer:
    """The courses under their controls; figures, axes, stages and runs are shown in their order here.

    Figures in `exact` are never smoothed; runs in `chosen` are shown at first.
    """

    courses: Sequence[Course]
    figures: Sequence[tuple[str, Words]]
    axes: Sequence[tuple[str, Words]]
    stages: Sequence[str] = ()
    runs: Sequence[str] = ()
    chosen: Sequence[str] = ()
    exact: Sequence[str] = ()


def explorer_html(explorer: Explorer, number: int) -> str:
    """The controls, an empty drawing for each figure, and the numbers."""
    stages: list[tuple[str, Words]] = [("", both("page.all")), *((stage, stage) for stage in explorer.stages)]
    first = stages[-1][0] if len(stages) == 2 else ""
    controls = [
        _choices("stage", both("page.stage"), stages, first, number) if len(stages) > 2 else "",
        _choices("axis", both("page.along"), explorer.axes, explorer.axes[0][0], number),
        _switches(number),
        _runs(explorer),
    ]
    figures = "".join(
        tag(
            "figure",
            tag("figcaption", html(name)) + _canvas(key, name),
            data_figure=key,
            data_exact="" if key in explorer.exact else None,
        )
        for key, name in explorer.figures
        if any(course.figure == key for course in explorer.courses)
    )
    data = {
        "runs": list(explorer.runs),
        "axes": {key: [plain(name, "zh"), plain(name, "en")] for key, name in explorer.axes},
        "courses": [_told(course) for course in explorer.courses],
    }
    numbers = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    form = tag("form", "".join(controls), class_="filters controls")
    script = f'<script type="application/json" class="courses">{numbers}</script>'
    return tag("div", form + figures + script, class_="explorer")


def _canvas(key: str, name: Words) -> str:
    drawing = tag("svg", "", class_="chart", viewBox="0 0 1080 300", role="img", **label(name))
    return drawing + tag("ul", "", class_="legend", data_legend=key)


def _choices(key: str, name: Words, choices: Sequence[tuple[str, Words]], start: str, number: int) -> str:
    chips = "".join(
        tag(
            "label",
            f'<input type="radio" name="x{number}-{key}" data-control="{key}" value="{html(value)}"'
            f"{' checked' if value == start else ''}>" + html(words),
        )
        for value, words in choices
    )
    return tag("fieldset", tag("legend", html(name)) + chips)


def _switches(number: int) -> str:
    slide = '<input type="range" min="0" max="0.98" step="0.02" value="0.6" data-control="smooth">'
    log = f'<input type="checkbox" name="x{number}-log" data-control="log">'
    smooth = tag("label", html(both("page.smoothing")) + slide, class_="slide")
    return smooth + tag(
        "fieldset", tag("legend", html(both("page.scale"))) + tag("label", log + html(both("page.log")))
    )


def _runs(explorer: Explorer) -> str:
    shown = set(explorer.chosen or explorer.runs)
    boxes = "".join(
        tag(
            "label",
            f'<input type="checkbox" data-control="run" value="{at}"{" checked" if run in shown else ""}>'
            f'<i class="key c{at % 8}"></i>' + html(run),
        )
        for at, run in enumerate(explorer.runs)
    )
    return tag("fieldset", tag("legend", html(both("page.runs"))) + boxes, class_="runs")


def _told(course: Course) -> dict[str, object]:
    """A course as the page holds it: what is not finite is left out, digits that nobody sees as well."""
    usable = [at for at, value in enumerate(course.y) if isfinite(value)]
    kept = _thin(usable, course.y)
    return {
        "run": course.run,
        "stage": course.stage,
        "figure": course.figure,
        "x": {axis: [_short(places[at]) for at in kept] for axis, places in course.x.items()},
        "y": [_short(course.y[at]) for at in kept],
        "from": {axis: _short(offset) for axis, offset in course.offsets.items()},
    }


def _thin(places: Sequence[int], values: Sequence[float]) -> list[int]:
    if len(places) <= KEPT_POINTS:
        return list(places)
    size = ceil(2 * len(places) / KEPT_POINTS)
    kept: list[int] = []
    for start in range(0, len(places), size):
        bucket = places[start : start + size]
        kept += sorted({min(bucket, key=values.__getitem__), max(bucket, key=values.__getitem__)})
    return kept


def _short(value: float) -> float:
    return float(f"{value:.6g}")
