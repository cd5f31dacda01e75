"""Numbers of a data set as tiles, tables and bars."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from doctorsun.core.page import (
    Block,
    Cell,
    Column,
    Shares,
    Table,
    Tile,
    Tiles,
    Value,
    Words,
    both,
)
from doctorsun.data.card import by
from doctorsun.data.dataset import OFFICIAL, Dataset
from doctorsun.data.wording import (
    kind_word,
    lang_word,
    origin_word,
    question_word,
    split_word,
    task_word,
    term_word,
)

Info = Mapping[str, Any]
MOST_QUESTIONS = 300
_PARTS = 7
_NAMED: dict[str, Callable[[str], Words]] = {
    "lang": lang_word,
    "task": task_word,
    "kind": kind_word,
    "origin": origin_word,
    "modality": term_word,
    "source": str,
}


def tiles(info: Info) -> Tiles:
    """The headline numbers; the leaky official split is not among them."""
    parts = [tally for part, tally in info["splits"].items() if part != OFFICIAL]
    numbers = {name: sum(tally[name] for tally in parts) for name in ("samples", "pictures", "groups")}
    present = sum(source["present"] for source in info["sources"].values())
    lost = sum(sum(source["counts"]["dropped"].values()) for source in info["sources"].values())
    shown = [(f"data.page_{name}_column", number) for name, number in numbers.items()]
    shown += [("data.page_sources", present), ("data.page_dropped", lost)]
    return Tiles([Tile(both(key), Value(float(number), digits=0)) for key, number in shown])


def splits(info: Info) -> list[Block]:
    """What each split holds, and in which languages."""
    names = ("samples", "pictures", "groups")
    counted = [Column(both(f"data.page_{name}_column"), number=True) for name in names]
    rows: list[list[Cell]] = [
        [
            split_word(part),
            *(numbers[name] for name in names),
            shares(numbers["by_lang"].items(), lang_word),
        ]
        for part, numbers in info["splits"].items()
    ]
    columns = [Column(both("data.card_split")), *counted, Column(both("data.page_filter_lang"))]
    return [Table(columns, rows)]


def balance(info: Info) -> Table:
    """The shares of languages, modalities, tasks, sources, … of all splits but the official one."""
    rows: list[list[Cell]] = [
        [both(f"data.page_filter_{name}"), shares(by(info, name), named)]
        for name, named in _NAMED.items()
        if by(info, name)
    ]
    rows.append([both("data.page_licence"), shares(by(info, "licence"), str)])
    return Table([Column(both("data.page_by")), Column(both("data.page_shares"))], rows)


def answers(dataset: Dataset) -> Table:
    """The answers to each closed question, the most one-sided first."""
    found: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for part in dataset.splits:
        if part != OFFICIAL:
            for batch in dataset.rows(part).batches("question_key", "lang", "label"):
                told = (batch[name].to_pylist() for name in ("question_key", "lang", "label"))
                for key, lang, label in zip(*told, strict=True):
                    if key and label:
                        found[(part, key, lang)][label] += 1
    several = [(key, labels) for key, labels in found.items() if len(labels) > 1]
    several.sort(key=lambda item: (-max(item[1].values()) / item[1].total(), -item[1].total(), item[0]))
    rows: list[list[Cell]] = [
        [
            question_word(key),
            key.partition("/")[0],
            split_word(part),
            lang_word(lang),
            labels.total(),
            shares(sorted(labels.items(), key=lambda item: (-item[1], item[0])), term_word),
        ]
        for (part, key, lang), labels in several[:MOST_QUESTIONS]
    ]
    columns = [
        Column(both("data.page_question")),
        Column(both("data.page_filter_source")),
        Column(both("data.card_split")),
        Column(both("data.page_filter_lang")),
        Column(both("data.page_number"), True),
        Column(both("data.page_answer_shares")),
    ]
    return Table(columns, rows, search=True)


def shares(counted: Iterable[tuple[str, int]], named: Callable[[str], Words]) -> Shares:
    """A bar of the largest parts in their order, the rest as one."""
    parts = [(name, number) for name, number in counted if number]
    parts.sort(key=lambda item: (-item[1], item[0]))
    largest: list[tuple[Words, int]] = [(named(name), number) for name, number in parts[:_PARTS]]
    rest = sum(number for _, number in parts[_PARTS:])
    more = [(both("data.page_rest", number=len(parts) - _PARTS), rest)] if rest else []
    return Shares((*largest, *more))
