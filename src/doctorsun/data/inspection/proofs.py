"""What proves that splits share nothing and that the files are those that were built."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from doctorsun.core.page import Block, Cell, Code, Column, Fold, Note, Pairs, Table, both
from doctorsun.data.wording import split_word

Info = Mapping[str, Any]
# `answers` are drawn above; they would fill pages.
_DRAWN = {"answers"}
_LONGEST = 20_000
_NEAR = ("pairs", "left_out")
_MOST_NUMBERS = 200


def shared(audit: Info) -> list[Block]:
    """What each pair of splits shares, which is nothing if all is well."""
    pairs = audit["shared"]
    if not pairs:
        return [Note(both("data.page_one_split"), "good")]
    clean = not any(number for numbers in pairs.values() for number in numbers.values())
    columns = [Column(both("data.page_pair"))]
    names = sorted({name for numbers in pairs.values() for name in numbers})
    known = {"groups": "data.page_groups_column", "pictures": "data.page_pictures_column"}
    columns += [Column(both(known[name]) if name in known else name, True) for name in names]
    rows = []
    for pair, numbers in pairs.items():
        one, _, two = pair.partition(" & ")
        words = both("data.page_two_splits", one=split_word(one), two=split_word(two))
        rows.append([words, *(numbers.get(name) for name in names)])
    note = Note(both("data.page_leaks_none" if clean else "data.page_leaks_some"), "good" if clean else "bad")
    return [note, Table(columns, rows), *_official(audit)]


def proofs(info: Info, audit: Info) -> list[Block]:
    """Doubled ids, rows in a wrong split, the seal of the files, and the whole audit as it is on disk."""
    counted = [
        (both("data.page_doubled_ids"), audit["doubled_ids"]),
        (both("data.page_wrong_split"), audit["rows_in_the_wrong_split"]),
    ]
    near = audit.get("near")
    if isinstance(near, Mapping):
        counted += [(both(f"data.page_near_{name}"), near[name]) for name in _NEAR if name in near]
    rest = {name: value for name, value in audit.items() if name not in _DRAWN}
    text = json.dumps(rest, ensure_ascii=False, indent=1)
    whole = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n…"
    shards = [
        (name, f"{known['sha256']}  ({known['bytes']:,} B)")
        for name, known in sorted(info["files"].items())
        if name.startswith("data/")
    ]
    return [
        Pairs(counted),
        *_benchmarks(audit.get("benchmarks")),
        Fold(both("data.page_audit_file"), [Code(whole)]),
        Fold(both("data.page_hashes"), [Code("\n".join(f"{told}  {name}" for name, told in shards))]),
    ]


def _benchmarks(found: object) -> list[Block]:
    """Every number that was found of what a benchmark and the data set share."""
    numbers = list(_numbers(found))[:_MOST_NUMBERS]
    if not numbers:
        return []
    rows: list[list[Cell]] = [
        [" · ".join(path), number if isinstance(number, int) else f"{number:.4g}"] for path, number in numbers
    ]
    columns = [Column(both("data.page_benchmark")), Column(both("data.page_number"), True)]
    return [Table(columns, rows, caption=both("data.page_benchmarks"), search=len(rows) > 12)]


def _numbers(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int | float]]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _numbers(value, (*path, str(name)))
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield path, tree


def _official(audit: Info) -> list[Block]:
    official = audit["official"]
    if not official:
        return []
    numbers = (official["pictures_shared_with_train"], official["pictures"])
    both_numbers = dict(zip(("shared", "pictures"), (f"{number:,}" for number in numbers), strict=True))
    return [Note(both("data.page_official", **both_numbers), "warn")]
