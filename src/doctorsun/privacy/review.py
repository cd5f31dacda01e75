"""A local page that shows texts and pictures before and after cleaning, for a person to look at.

It shows patients' data: it is written only where the caller says, mode 0600, and never inside the output.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.errors import StorageError
from doctorsun.core.files import write_private
from doctorsun.core.page import (
    Badge,
    Block,
    Card,
    Cell,
    Column,
    Facet,
    Gallery,
    Line,
    Note,
    Page,
    Prose,
    Section,
    Table,
    both,
    join,
)
from doctorsun.core.thumbnails import thumbnail
from doctorsun.privacy.text import Cleaned

SHOWN = 500
PICTURE_PX = 480
_OPEN, _CLOSE = "⟦", "⟧"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One text before and after cleaning; `where` says which one it is."""

    where: str
    before: str
    cleaned: Cleaned


@dataclass(frozen=True, slots=True)
class Pictured:
    """One picture before and after blanking, as image files; `release` says what releases it."""

    release: str
    where: str
    before: bytes
    after: bytes
    boxes: int


def write_review(
    path: Path, texts: Sequence[Reviewed], *, outside: Path, pictures: Sequence[Pictured] = ()
) -> Path:
    """The place of the page, readable by its owner alone; StorageError where it lies below `outside`."""
    check_place(path, outside=outside)
    write_private(path, render(texts, pictures))
    return path


def check_place(path: Path, *, outside: Path) -> None:
    """Raise StorageError where the page would lie inside the output, or is no page by its name."""
    if path.suffix.lower() not in {".html", ".htm"}:
        raise StorageError("privacy.review_name", path=path)
    if path.resolve().is_relative_to(outside.resolve()):
        raise StorageError("privacy.review_inside", path=path, outside=outside)


def render(texts: Sequence[Reviewed], pictures: Sequence[Pictured] = ()) -> str:
    """The HTML of the page: pictures that wait, counts of all texts, the first 500 of them side by side."""
    return Page(both("privacy.review_title"), blocks_of(texts, pictures)).render()


def blocks_of(texts: Sequence[Reviewed], pictures: Sequence[Pictured] = ()) -> list[Block]:
    """What the page is made of, for a page that shows more than this."""
    counts = Counter(span.kind for text in texts for span in text.cleaned.spans)
    columns = [Column(both("privacy.review_kind")), Column(both("privacy.review_number"), number=True)]
    rows: list[list[Cell]] = [[both(f"privacy.kind_{kind}"), number] for kind, number in counts.most_common()]
    facet = Facet(
        "changed",
        both("privacy.review_filter"),
        [("yes", both("privacy.review_changed")), ("no", both("privacy.review_same"))],
    )
    gallery = Gallery([_card(text) for text in texts[:SHOWN]], [facet])
    return [
        Note(both("privacy.review_warning"), "warn"),
        Prose([both("privacy.review_summary", texts=len(texts), spans=counts.total())]),
        *_waiting(pictures),
        Section(both("privacy.review_counts"), [Table(columns, rows)]),
        Section(both("privacy.review_texts"), [gallery], lead=both("privacy.review_lead")),
    ]


def _waiting(pictures: Sequence[Pictured]) -> list[Section]:
    if not pictures:
        return []
    cards = [
        Card(
            [
                Line(both("privacy.review_boxes"), str(one.boxes)),
                Line(both("privacy.review_release"), one.release),
            ],
            pictures=[thumbnail(image, max_px=PICTURE_PX) for image in (one.before, one.after)],
            title=one.where,
        )
        for one in pictures
    ]
    title, lead = both("privacy.review_pictures"), both("privacy.review_pictures_lead")
    return [Section(title, [Gallery(cards, [])], lead=lead)]


def _card(text: Reviewed) -> Card:
    """One text with what was taken out of it."""
    lines = [
        Line(both("privacy.review_before"), _marked(text)),
        Line(both("privacy.review_after"), text.cleaned.text),
    ]
    by_kind: dict[str, list[str]] = {}
    for span in text.cleaned.spans:
        by_kind.setdefault(span.kind, []).append(f"{text.before[span.start : span.end]} → {span.replacement}")
    lines += [Line(both(f"privacy.kind_{kind}"), join([*found])) for kind, found in by_kind.items()]
    badges = [Badge(both(f"privacy.kind_{kind}")) for kind in by_kind]
    changed = "yes" if text.cleaned.spans else "no"
    return Card(lines, title=text.where, badges=badges, facets={"changed": changed})


def _marked(text: Reviewed) -> str:
    parts: list[str] = []
    at = 0
    for span in text.cleaned.spans:
        parts += [text.before[at : span.start], _OPEN, text.before[span.start : span.end], _CLOSE]
        at = span.end
    return "".join(parts) + text.before[at:]
