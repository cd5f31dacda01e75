"""Drawings of numbers as inline SVG, without a library: curves, strips that show an interval, shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from doctorsun.core.words import Words, html, label, tag

Point = tuple[float, float]
_WIDTH, _HEIGHT = 1080.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 14.0, 12.0, 44.0
_BUCKETS = 300
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; points whose y is not finite are left out, so a gap stays a gap. `faint` draws it behind."""

    name: Words
    points: Sequence[Point]
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """What one axis measures, with the unit in its name; `log` spaces it by powers of ten."""

    name: Words
    log: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """A value on a line from 0 to 1 with its interval; `ticks` are values to compare with (chance, ...)."""

    value: float
    low: float | None = None
    high: float | None = None
    ticks: tuple[float, ...] = ()
    hollow: float | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """What a whole is made of: names and numbers, drawn in their order as one bar; `of` leaves room."""

    parts: tuple[tuple[Words, int], ...]
    of: int | None = None

    @property
    def whole(self) -> int:
        """What the full length of the bar stands for."""
        return max(self.of or 0, sum(number for _, number in self.parts))


@dataclass(frozen=True, slots=True)
class _Scale:
    first: float
    last: float
    start: float
    end: float
    log: bool

    def at(self, value: float) -> float:
        first, last, place = (log10(v) if self.log else v for v in (self.first, self.last, value))
        return self.start + (place - first) / (last - first) * (self.end - self.start)

    def ticks(self) -> list[float]:
        return _powers(self.first, self.last) if self.log else _round_steps(self.first, self.last)


def curves_svg(title: Words, series: Sequence[Series], x: Axis, y: Axis) -> str:
    """An SVG of curves with axes; an empty text when no series has a point that can be drawn."""
    drawn = [(one, _usable(one.points, x.log, y.log)) for one in series]
    points = [point for _, found in drawn for point in found]
    if not points:
        return ""
    across = _scale([p[0] for p in points], _LEFT, _WIDTH - _RIGHT, x.log)
    upward = _scale([p[1] for p in points], _HEIGHT - _BOTTOM, _TOP, y.log)
    parts = [_grid(across, upward), _axis_names(x, y)]
    for number, (one, found) in enumerate(drawn):
        places = [(across.at(px), upward.at(py)) for px, py in _thin(found)]
        points_at = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        names = {"class_": f"curve c{number % COLOURS}" + (" faint" if one.faint else "")}
        parts.append(tag("polyline", "", points=points_at, **names, data_series=str(number)))
        if len(places) == 1:
            (px, py), *_ = places
            parts.append(tag("circle", "", cx=f"{px:.1f}", cy=f"{py:.1f}", r="4", **names))
    parts.append('<line class="cross" x1="0" x2="0" y1="12" y2="256" visibility="hidden"></line>')
    return tag(
        "svg",
        "".join(parts),
        class_="chart",
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
        data_x=_described(across),
        data_y=_described(upward),
        **label(title),
    )


def legend_html(series: Sequence[Series]) -> str:
    """The names of the curves beside their colours; the script writes the figures under the pointer there."""
    items = [
        tag("li", f'<i class="key c{n % COLOURS}"></i>{html(one.name)} <output data-series="{n}"></output>')
        for n, one in enumerate(series)
    ]
    return tag("ul", "".join(items), class_="legend")


def strip_svg(strip: Strip, name: Words) -> str:
    """An SVG of one value and its interval between 0 and 1."""
    wide, middle = 132.0, 10.0

    def at(value: float) -> float:
        return 6 + min(max(value, 0.0), 1.0) * (wide - 12)

    parts = [f'<line class="rail" x1="6" x2="{wide - 6:.0f}" y1="{middle}" y2="{middle}"></line>']
    parts += [
        f'<line class="tick" x1="{at(t):.1f}" x2="{at(t):.1f}" y1="3" y2="17"></line>' for t in strip.ticks
    ]
    if strip.low is not None and strip.high is not None:
        ends = f'x1="{at(strip.low):.1f}" x2="{at(strip.high):.1f}"'
        parts.append(f'<line class="reach" {ends} y1="{middle}" y2="{middle}"></line>')
    if strip.hollow is not None:
        parts.append(f'<circle class="hollow" cx="{at(strip.hollow):.1f}" cy="{middle}" r="3.5"></circle>')
    parts.append(f'<circle class="dot" cx="{at(strip.value):.1f}" cy="{middle}" r="4"></circle>')
    return tag("svg", "".join(parts), class_="strip", viewBox="0 0 132 20", role="img", **label(name))


def shares_svg(shares: Shares, name: Words) -> str:
    """An SVG of one bar, a colour for each part, as wide as its cell."""
    wide, at = 200.0, 0.0
    parts = [f'<rect class="rest" width="{wide:.0f}" height="10"></rect>']
    for number, (_, size) in enumerate(shares.parts):
        length = wide * size / max(shares.whole, 1)
        place = f'x="{at:.1f}" width="{length:.1f}" height="10"'
        parts.append(f'<rect class="part c{number % COLOURS}" {place}></rect>')
        at += length
    names = label(name)
    return tag(
        "svg",
        "".join(parts),
        class_="shares",
        viewBox="0 0 200 10",
        preserveAspectRatio="none",
        role="img",
        **names,
    )


def _usable(points: Sequence[Point], log_x: bool, log_y: bool) -> list[Point]:
    return [
        (x, y)
        for x, y in points
        if isfinite(x) and isfinite(y) and (x > 0 or not log_x) and (y > 0 or not log_y)
    ]


def _thin(points: list[Point]) -> list[Point]:
    """At most two points a bucket, its lowest and its highest, so that no spike is hidden."""
    if len(points) <= 2 * _BUCKETS:
        return points
    size = ceil(len(points) / _BUCKETS)
    kept = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        low, high = min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])
        kept += [low] if low == high else sorted((low, high))
    return kept


def _scale(values: list[float], start: float, end: float, log: bool) -> _Scale:
    low, high = min(values), max(values)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return _Scale(low, high, start, end, log)


def _round_steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * k for k in range(ceil(low / step), floor(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    found = [
        10.0**power * factor
        for power in range(floor(log10(low)), ceil(log10(high)) + 1)
        for factor in ((1, 2, 5) if high / low < 1000 else (1,))
    ]
    return [value for value in found if low <= value <= high]


def _grid(across: _Scale, upward: _Scale) -> str:
    parts = []
    for value in upward.ticks():
        y = f"{upward.at(value):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"></line>')
        parts.append(f'<text class="num end" x="{_LEFT - 8}" y="{y}" dy="4">{value:.4g}</text>')
    for value in across.ticks():
        x = f"{across.at(value):.1f}"
        parts.append(f'<text class="num mid" x="{x}" y="{_HEIGHT - _BOTTOM + 18}">{_short(value)}</text>')
    return "".join(parts)


def _axis_names(x: Axis, y: Axis) -> str:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    below = html(x.name, "text", class_="name mid", x=f"{(_LEFT + _WIDTH - _RIGHT) / 2}", y=f"{_HEIGHT - 8}")
    beside = html(y.name, "text", class_="name mid", transform=f"translate(14 {middle}) rotate(-90)")
    return below + beside


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10_000 and value % 100 == 0 else f"{value:.6g}"


def _described(scale: _Scale) -> str:
    kind = "log" if scale.log else "linear"
    return f"{scale.first!r} {scale.last!r} {scale.start} {scale.end} {kind}"
