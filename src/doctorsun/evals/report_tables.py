"""The tables of a report: results in, rows of a page out."""

from collections.abc import Sequence

from doctorsun.core.page import Badge, Cell, Column, Strip, Table, Tile, Tiles, Value, both
from doctorsun.evals.marks import BALANCED, CLOSED
from doctorsun.evals.metrics import Result
from doctorsun.evals.naming import named, slice_name
from doctorsun.evals.settings import CONDITIONS
from doctorsun.evals.verdicts import Verdict

HEADLINES = (
    CLOSED,
    BALANCED,
    "choice_accuracy",
    "open_f1",
    "caption_f1",
    "report_f1",
    "image_reliance",
    "unreadable",
)
_SIGNED = ("image_reliance", "above_")


class Found:
    """The results of one task and split, found by language, slice, metric and condition."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        self._of = {(one.lang, one.slice, one.metric, one.condition): one for one in results}

    def get(self, metric: str, lang: str = "all", part: str = "all", condition: str = "") -> Result | None:
        """One result; null where it was not measured."""
        return self._of.get((lang, part, metric, condition or _usual(metric)))

    def slices(self, dimension: str, lang: str = "all") -> list[str]:
        """The slices of one dimension, sorted."""
        found = {one.slice for one in self.results if one.lang == lang and _dimension(one.slice) == dimension}
        return sorted(found)

    def langs(self) -> list[str]:
        """`all`, and the languages that hold a row."""
        return sorted({one.lang for one in self.results})


def value(result: Result | None) -> Cell:
    """The cell of a result with its interval and n."""
    if result is None:
        return None
    signed = result.metric.startswith(_SIGNED)
    return Value(result.value, result.low, result.high, result.n, sign=signed)


def bare(result: Result | None) -> Cell:
    """The cell of a result without interval and n."""
    return None if result is None else Value(result.value, sign=result.metric.startswith(_SIGNED))


def headline(found: Found) -> Tiles:
    """The first numbers of a report."""
    tiles = []
    for metric in HEADLINES:
        one = found.get(metric)
        if one is not None:
            shown = Value(one.value, one.low, one.high, one.n, sign=metric.startswith(_SIGNED))
            hint = named("hint", metric)
            tiles.append(Tile(named("metric", metric), shown, None if isinstance(hint, str) else hint))
    return Tiles(tiles)


def by_slice(found: Found, parts: Sequence[str], *, langs: Sequence[str], name: str) -> Table:
    """Slices as rows, headline metrics as columns; columns that no row has are left out."""
    rows = [(part, lang) for part in parts for lang in langs if _measured(found, part, lang)]
    metrics = [one for one in HEADLINES if any(found.get(one, lang, part) for part, lang in rows)]
    columns = [Column(both(f"evals.{name}")), Column(both("evals.column_lang"))]
    columns += [Column(named("metric", metric), number=True) for metric in metrics]
    cells: list[list[Cell]] = [
        [slice_name(part), named("lang", lang), *(value(found.get(metric, lang, part)) for metric in metrics)]
        for part, lang in rows
    ]
    return Table(columns, cells)


def by_condition(found: Found) -> Table:
    """What the model scores with the right picture, with others, and without one."""
    conditions = [one for one in CONDITIONS if any(result.condition == one for result in found.results)]
    metrics = [one for one in HEADLINES if one not in {"image_reliance"}]
    columns = [Column(both("evals.column_metric")), Column(both("evals.column_lang"))]
    columns += [Column(named("condition", one), number=True) for one in conditions]
    columns += [Column(both("evals.column_gap"), number=True, hint=both("evals.hint_gap"))]
    rows: list[list[Cell]] = []
    for metric in metrics:
        for lang in found.langs():
            cells = [value(found.get(metric, lang, condition=one)) for one in conditions]
            if any(cell is not None for cell in cells):
                gap = "image_reliance" if metric == CLOSED else f"image_reliance_{metric}"
                gap_cell = value(found.get(gap, lang))
                rows.append([named("metric", metric), named("lang", lang), *cells, gap_cell])
    return Table(columns, rows)


def by_verdict(verdicts: Sequence[Verdict], *, search: bool) -> Table:
    """Each question key (or source) and language beside everything that is simpler than the model."""
    columns = [
        Column(both("evals.column_question" if search else "evals.column_source")),
        Column(both("evals.column_lang")),
        Column(both("evals.column_verdict")),
        Column(both("evals.column_strip"), hint=both("evals.hint_strip")),
        Column(named("metric", BALANCED), number=True, hint=both("evals.hint_interval")),
        Column(both("evals.column_shuffled"), number=True),
        Column(both("evals.column_gap"), number=True, hint=both("evals.hint_interval")),
        Column(both("evals.column_chance"), number=True),
        Column(both("evals.column_knn"), number=True, hint=both("evals.hint_knn")),
        Column(both("evals.column_head"), number=True, hint=both("evals.hint_head")),
        Column(both("evals.column_above_head"), number=True, hint=both("evals.hint_interval")),
        Column(named("metric", CLOSED), number=True, hint=both("evals.hint_plain")),
        Column(both("evals.column_majority"), number=True, hint=both("evals.hint_plain")),
        Column(named("metric", "unreadable"), number=True),
    ]
    return Table(columns, [_verdict_row(one) for one in verdicts], search=search)


def _verdict_row(one: Verdict) -> list[Cell]:
    own = one.balanced
    shown = Badge(both("evals.shown"), "good") if one.shown else Badge(both("evals.not_shown"), "warn")
    hollow = one.shuffled.value if one.shuffled else None
    return [
        slice_name(one.slice),
        named("lang", one.lang),
        shown,
        Strip(own.value, own.low, own.high, (one.chance,), hollow),
        value(own),
        bare(one.shuffled),
        _gap(one.gap),
        Value(one.chance),
        bare(one.knn),
        bare(one.head),
        _gap(one.above_head),
        bare(one.accuracy),
        bare(one.majority),
        bare(one.unreadable),
    ]


def _gap(result: Result | None) -> Cell:
    return None if result is None else Value(result.value, result.low, result.high, sign=True)


def _usual(metric: str) -> str:
    return "shuffled" if metric.startswith("image_reliance") else "image"


def _dimension(part: str) -> str:
    return "" if "," in part else part.partition("=")[0].removesuffix("!")


def _measured(found: Found, part: str, lang: str) -> bool:
    return any(found.get(metric, lang, part) for metric in HEADLINES)
