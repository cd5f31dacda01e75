"""Which questions a report shows: wrong ones first, every source, language and kind of question in turn."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from doctorsun.core.files import write_whole
from doctorsun.core.thumbnails import thumbnail
from doctorsun.evals.ask import Task
from doctorsun.evals.predictions import Prediction

THUMBNAILS = "thumbnails.json"
_SHARE_WRONG = 0.75


def chosen(rows: Iterable[Prediction], limit: int) -> list[Prediction]:
    """The rows of as many questions as show `limit` pictures, wrong ones first, all conditions of each."""
    asked: dict[tuple[str, str, str], list[Prediction]] = defaultdict(list)
    for row in rows:
        asked[row.task, row.split, row.id].append(row)
    wrong, right = _in_turn(asked, wrong=True), _in_turn(asked, wrong=False)
    reserved = round(limit * (1 - _SHARE_WRONG))
    pictures: set[str] = set()
    kept = _take(wrong, limit - min(reserved, len(right)), pictures)
    kept += _take(right, limit, pictures)
    return [row for question in kept for row in question]


def keep_thumbnails(tasks: Sequence[Task], rows: Sequence[Prediction], out: Path, *, limit: int) -> None:
    """Write the small pictures that the report shows, so that it can be written again without the data."""
    wanted = {picture for row in chosen(rows, limit) for picture in (*row.shown, *row.images)}
    found = {}
    for task in tasks:
        for name in sorted(wanted & task.pictures.keys()):
            small = thumbnail(task.pictures[name])
            if small is not None:
                found[name] = small
    write_whole(out / THUMBNAILS, json.dumps(found, sort_keys=True, indent=0) + "\n")


def read_thumbnails(out: Path) -> dict[str, str]:
    """The small pictures by SHA-256; none where none were kept."""
    path = out / THUMBNAILS
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def outcome(row: Prediction) -> str:
    """right, wrong or unreadable; an open answer is right from a token F1 of one half."""
    if row.kind in {"closed", "choice"}:
        return "unreadable" if row.mark is None else ("right" if row.mark == 1 else "wrong")
    return "right" if (row.f1 or 0.0) >= 0.5 else "wrong"


def _in_turn(
    asked: Mapping[tuple[str, str, str], list[Prediction]], *, wrong: bool
) -> list[list[Prediction]]:
    """The questions answered wrong (or right), one of every stratum after the other."""
    strata: dict[tuple[str, ...], list[list[Prediction]]] = defaultdict(list)
    for _, rows in sorted(asked.items()):
        first = next((row for row in rows if row.condition == "image"), rows[0])
        if (outcome(first) != "right") == wrong:
            strata[first.task, first.source, first.lang, first.topic or ""].append(rows)
    ordered = [
        (turn, at, rows) for at, key in enumerate(sorted(strata)) for turn, rows in enumerate(strata[key])
    ]
    return [rows for _, _, rows in sorted(ordered, key=lambda one: one[:2])]


def _take(questions: Iterable[list[Prediction]], limit: int, pictures: set[str]) -> list[list[Prediction]]:
    kept = []
    for rows in questions:
        shown = {name for row in rows if row.condition in {"image", "shuffled"} for name in row.shown}
        if len(pictures | shown) <= limit:
            pictures |= shown
            kept.append(rows)
        if len(kept) >= limit:
            break
    return kept
