"""Proof, from the shards alone, that splits share nothing, and how far a question's text tells its answer."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError
from doctorsun.core.schema import SPLITS
from doctorsun.data.dataset import OFFICIAL, Dataset, open_dataset

_COLUMNS = ("id", "source", "lang", "group", "label", "question_key", "pixels_sha256", "phrasing", "split")


def audit(path: Path) -> dict[str, Any]:
    """The audit of a data set, made anew from its verified files; DataError where splits share something."""
    dataset = open_dataset(path)
    dataset.verify()
    found = examine(dataset)
    _refuse(path, found)
    return found


def check(path: Path) -> None:
    """Raise DataError when the audit that was written says that splits share something."""
    _refuse(path, json.loads((path / "audit.json").read_text(encoding="utf-8")))


def examine(dataset: Dataset) -> dict[str, Any]:
    """What splits share (nothing, if all is well), doubled ids, and the answers of each closed question.

    `majority` is the share of the most frequent answer: what text alone can reach on that question.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    pixels: dict[str, set[str]] = defaultdict(set)
    answers: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    ids: Counter[str] = Counter()
    wrong_split = 0
    for part in dataset.splits:
        for row in dataset.rows(part).columns(*_COLUMNS):
            groups[part].add(row["group"])
            pixels[part].update(row["pixels_sha256"])
            ids[row["id"]] += 1
            wrong_split += row["split"] != ("test" if part == OFFICIAL else part)
            if row["question_key"] and row["label"] and part != OFFICIAL:
                answers[part][f"{row['question_key']} {row['lang']}"][row["label"]] += 1
    parts = [part for part in SPLITS if part in groups]
    pairs = [(one, two) for at, one in enumerate(parts) for two in parts[at + 1 :]]
    return {
        "shared": {
            f"{one} & {two}": {
                "groups": len(groups[one] & groups[two]),
                "pictures": len(pixels[one] & pixels[two]),
            }
            for one, two in pairs
        },
        "doubled_ids": sum(number > 1 for number in ids.values()),
        "rows_in_the_wrong_split": wrong_split,
        "official": {
            "note": "leaky by design of the benchmark, reported apart, never trained on",
            "pictures_shared_with_train": len(pixels[OFFICIAL] & pixels["train"]),
            "pictures": len(pixels[OFFICIAL]),
        }
        if OFFICIAL in groups
        else None,
        "answers": {
            part: {
                key: {
                    "n": sum(labels.values()),
                    "labels": len(labels),
                    "majority": round(max(labels.values()) / sum(labels.values()), 4),
                }
                for key, labels in sorted(questions.items())
            }
            for part, questions in answers.items()
        },
    }


def _refuse(path: Path, found: dict[str, Any]) -> None:
    leaks = sum(sum(numbers.values()) for numbers in found["shared"].values())
    if leaks or found["doubled_ids"] or found["rows_in_the_wrong_split"]:
        raise DataError("data.leak", where=path, shared=leaks, doubled=found["doubled_ids"])
