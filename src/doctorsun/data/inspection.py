"""index.html of a data set: what was used and left out, what splits share, and samples to look at."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctorsun.core.files import write_whole
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
    Words,
    both,
)
from doctorsun.core.schema import Sample
from doctorsun.core.thumbnails import thumbnail
from doctorsun.data.dataset import OFFICIAL, Dataset, Meta, open_dataset

PICTURES_A_SOURCE = {"train": 6, "validation": 1, "test": 3, OFFICIAL: 2}
TALKS_A_SOURCE = 4
WORDS_SHOWN = 700
THUMBNAIL_PX = 224


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The rows of one picture (or of one talk) of one split."""

    part: str
    rows: tuple[int, ...]


def write_page(folder: Path, out: Path) -> Path:
    """The place of the page, written from a data set's own files; the same data gives the same bytes."""
    dataset = open_dataset(folder)
    dataset.verify()
    found = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    write_whole(out, render(dataset, found))
    return out


def render(dataset: Dataset, audit: dict[str, Any]) -> str:
    """The HTML of the page."""
    info = dataset.info
    blocks: list[Block] = [
        Prose([both("data.page_summary", **_numbers(info), licence=info["licence"])]),
        Section(both("data.page_splits"), [_splits(info)]),
        Section(both("data.page_sources"), [_sources(info), *_dropped(info)]),
        Section(both("data.page_leaks"), _leaks(audit)),
        Section(both("data.page_answers"), [_majority(audit)], lead=both("data.page_majority")),
        Section(both("data.page_samples"), [_gallery(dataset)]),
    ]
    return Page(both("data.page_title", name=info["name"]), blocks).render()


def _numbers(info: dict[str, Any]) -> dict[str, int]:
    parts = [numbers for part, numbers in info["splits"].items() if part != OFFICIAL]
    return {name: sum(numbers[name] for numbers in parts) for name in ("samples", "pictures")}


def _splits(info: dict[str, Any]) -> Table:
    names = ("samples", "pictures", "groups")
    counted = [Column(both(f"data.page_{name}_column"), number=True) for name in names]
    rows = [[part, *(numbers[name] for name in names)] for part, numbers in info["splits"].items()]
    return Table([Column(both("data.card_split")), *counted], rows)


def _sources(info: dict[str, Any]) -> Table:
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
        licence: Words = ", ".join(source["licences"]) or (
            source["card"]["licence"] if source["present"] else both("data.absent")
        )
        lost = sum(counts["dropped"].values())
        rows.append([name, licence, counts["kept"], lost, sum(source["samples"].values())])
    return Table(columns, rows)


def _dropped(info: dict[str, Any]) -> list[Table]:
    columns = [
        Column(both("data.page_filter_source")),
        Column(both("data.page_reason")),
        Column(both("data.page_number"), True),
        Column(both("data.page_examples")),
    ]
    rows: list[list[Cell]] = []
    for name, source in info["sources"].items():
        for reason, number in source["counts"]["dropped"].items():
            examples = ", ".join(source["counts"]["examples"].get(reason, ()))
            rows.append([name, both(f"data.reason_{reason.replace('.', '_')}"), number, examples])
    return [Table(columns, rows, caption=both("data.page_dropped"))] if rows else []


def _leaks(audit: dict[str, Any]) -> list[Block]:
    pairs = "; ".join(audit["shared"])
    alone = both("data.page_one_split")
    blocks: list[Block] = [Note(both("data.page_leaks_none", splits=pairs) if pairs else alone, "good")]
    official = audit["official"]
    if official:
        shared, pictures = official["pictures_shared_with_train"], official["pictures"]
        blocks.append(Note(both("data.page_official", shared=shared, pictures=pictures), "warn"))
    return blocks


def _majority(audit: dict[str, Any]) -> Table:
    columns = [
        Column(both("data.card_split")),
        Column(both("data.page_question")),
        Column(both("data.page_number"), True),
        Column("%", True),
    ]
    rows: list[list[Cell]] = [
        [part, key, known["n"], round(100 * known["majority"])]
        for part, questions in audit["answers"].items()
        for key, known in questions.items()
        if known["labels"] > 1
    ]
    return Table(columns, rows, search=True)


def _gallery(dataset: Dataset) -> Gallery:
    cards: list[Card] = []
    for part in dataset.splits:
        rows = dataset.rows(part)
        cards += [_card(part, list(rows.take(chosen.rows))) for chosen in _choose(rows.index(), part)]
    cards.sort(key=lambda card: not card.pictures)
    sources = sorted({card.facets["source"] for card in cards})
    facets = [
        Facet("source", both("data.page_filter_source"), [(name, name) for name in sources]),
        Facet("split", both("data.page_filter_split"), [(name, name) for name in dataset.splits]),
    ]
    return Gallery(cards, facets)


def _choose(metas: Sequence[Meta], part: str) -> list[_Chosen]:
    """All rows of a few pictures of each source, spread over it, and a few rows of what has no picture."""
    pictures: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for meta in metas:
        pictures[meta.source][meta.picture or meta.id].append(meta.row)
    chosen = []
    for _, found in sorted(pictures.items()):
        talks = metas[next(iter(found.values()))[0]].picture is None
        number = min(TALKS_A_SOURCE if talks else PICTURES_A_SOURCE[part], len(found))
        lots = list(found.values())
        chosen += [_Chosen(part, tuple(lots[at * len(lots) // number])) for at in range(number)]
    return chosen


def _card(part: str, samples: Sequence[Sample]) -> Card:
    """One picture with its questions, Chinese and English beside each other."""
    first = samples[0]
    lines: list[Line] = []
    for sample in samples:
        asked = " / ".join(turn.text for turn in sample.messages[:-1])
        said = f"{_short(asked)} → {_short(sample.messages[-1].text)}"
        lines.append(Line(f"{sample.topic or sample.task} · {sample.lang}", said, lang=sample.lang))
    return Card(
        lines,
        pictures=[thumbnail(image.bytes, max_px=THUMBNAIL_PX) for image in first.images],
        title="/".join(first.id.split("/")[1:-2]) or first.id,
        badges=[Badge(first.source), Badge(part), Badge(first.origin), Badge(first.licence)],
        facets={"source": first.source, "split": part},
    )


def _short(text: str) -> str:
    return text if len(text) <= WORDS_SHOWN else f"{text[:WORDS_SHOWN]} …"
