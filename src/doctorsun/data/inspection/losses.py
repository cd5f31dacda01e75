"""What each source gave and what fell out: by step, by reason, with examples."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from doctorsun.core.page import (
    Badge,
    Card,
    Cell,
    Column,
    Facet,
    Gallery,
    Line,
    Note,
    Shares,
    Table,
    Words,
    both,
)
from doctorsun.core.words import Both
from doctorsun.data.card import limits_of
from doctorsun.data.wording import reason_in

Info = Mapping[str, Any]
# The step of a build that a reason belongs to, by what its name holds; the first that fits.
STEPS = (
    ("licence", ("licence",)),
    ("leak", ("leak", "benchmark", "contamina", "audit")),
    ("double", ("doubled", "duplicate", "near_", "twin")),
    ("picture", ("picture", "image", "imaging", "pixels", "blank")),
    (
        "reading",
        ("encoding", "table", "column", "json", "file", "row", "annotation", "group", "sheet", "archive"),
    ),
    ("fact", ("label", "fact", "nothing_known", "box", "term")),
    ("privacy", ("privacy", "hospital", "report_", "identif")),
)
OTHER_STEP = "words"


def step_of(reason: str) -> str:
    """The step of a build at which a reason leaves something out."""
    return next((step for step, marks in STEPS if any(mark in reason for mark in marks)), OTHER_STEP)


def reason_word(reason: str) -> Both:
    """A reason in words."""
    return Both(zh=reason_in("zh", reason), en=reason_in("en", reason))


def sources(info: Info) -> Table:
    """What each source is, may be used for, and gave."""
    columns = [
        Column(both("data.page_filter_source")),
        Column(both("data.page_licence")),
        Column(both("data.page_read"), True),
        Column(both("data.page_dropped"), True),
        Column(both("data.page_samples_column"), True),
    ]
    rows: list[list[Cell]] = []
    for name, source in info["sources"].items():
        counts = source["counts"]
        lost = sum(counts["dropped"].values())
        rows.append([name, _licence(source), counts["kept"], lost, sum(source["samples"].values())])
    return Table(columns, rows, search=len(rows) > 12)


def funnel(info: Info) -> Table:
    """How much each step of the build left out, of all sources."""
    lost: Counter[str] = Counter()
    for source in info["sources"].values():
        for reason, number in source["counts"]["dropped"].items():
            lost[step_of(reason)] += number
    kept = sum(source["counts"]["kept"] for source in info["sources"].values())
    whole = kept + lost.total()
    order = [*(step for step, _ in STEPS), OTHER_STEP]
    bars: list[tuple[Words, int]] = [(both("data.funnel_found"), whole)]
    bars += [(both(f"data.funnel_{step}"), lost[step]) for step in order if lost[step]]
    bars.append((both("data.funnel_kept"), kept))
    rows: list[list[Cell]] = [[name, number, _bar(number, whole)] for name, number in bars]
    columns = [
        Column(both("data.page_step")),
        Column(both("data.page_number"), True),
        Column(both("data.page_share")),
    ]
    return Table(columns, rows)


def left_out(info: Info) -> Gallery | Note:
    """Each reason of each source with examples, behind filters."""
    cards: list[Card] = []
    for name, source in info["sources"].items():
        for reason, number in source["counts"]["dropped"].items():
            examples = source["counts"]["examples"].get(reason, ())
            lines = [Line(both("data.page_examples"), "\n".join(examples))] if examples else []
            badges = [
                Badge(name),
                Badge(both(f"data.funnel_{step_of(reason)}")),
                Badge(f"{number:,}", "warn"),
            ]
            facets = {"source": name, "step": step_of(reason), "reason": reason}
            cards.append(Card(lines, title=reason_word(reason), badges=badges, facets=facets))
    if not cards:
        return Note(both("data.card_nothing_lost"), "good")
    cards.sort(key=lambda card: str(card.facets["reason"]))
    present = {key: sorted({str(card.facets[key]) for card in cards}) for key in ("source", "step", "reason")}
    return Gallery(
        cards,
        [
            Facet("step", both("data.page_step"), [(s, both(f"data.funnel_{s}")) for s in present["step"]]),
            Facet("source", both("data.page_filter_source"), [(name, name) for name in present["source"]]),
            Facet("reason", both("data.page_reason"), [(one, reason_word(one)) for one in present["reason"]]),
        ],
    )


def _bar(number: int, whole: int) -> Shares:
    """How much of all that was found."""
    return Shares((("", number),), of=whole)


def _licence(source: Info) -> Cell:
    if not source["present"]:
        return Badge(both("data.absent"), "plain")
    words = ", ".join(source["licences"]) or source["card"]["licence"]
    return Badge(words, "warn") if any(map(limits_of, source["licences"])) else words
