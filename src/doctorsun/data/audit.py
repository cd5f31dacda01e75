"""Proof, from the shards alone, that splits share nothing, and how far a question's text tells its answer."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from doctorsun.core.errors import DataError
from doctorsun.core.schema import SPLITS
from doctorsun.data.dataset import OFFICIAL, Dataset, open_dataset
from doctorsun.data.keys import Met, keys_of

# What was found while building, when the pictures of benchmarks were at hand.
COMPARED = ("near", "benchmarks")
_COLUMNS = ("id", "source", "lang", "group", "label", "question_key", "pixels_sha256", "phrasing", "split")


def audit(path: Path) -> dict[str, Any]:
    """The audit of a data set, made anew from its verified files; DataError where splits share something."""
    dataset = open_dataset(path)
    dataset.verify()
    found = examine(dataset)
    _refuse(path, found)
    written = json.loads((path / "audit.json").read_text(encoding="utf-8"))
    return found | {name: written[name] for name in COMPARED if name in written}


def check(path: Path) -> None:
    """Raise DataError when the audit that was written says that splits share something."""
    _refuse(path, json.loads((path / "audit.json").read_text(encoding="utf-8")))


def examine(dataset: Dataset) -> dict[str, Any]:
    """What splits share (nothing, if all is well), doubled ids, and the answers of each closed question.

    `majority` is the share of the most frequent answer: what text alone can reach on that question.
    """
    groups: dict[str, Met] = defaultdict(Met)
    pixels: dict[str, Met] = defaultdict(Met)
    answers: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    ids, doubled = Met(), Met()
    wrong_split = 0
    for part in dataset.splits:
        for batch in dataset.rows(part).batches(*_COLUMNS):
            groups[part].fresh(keys_of(batch["group"].drop_null().to_pylist()))
            pixels[part].fresh(keys_of(batch["pixels_sha256"].flatten().to_pylist()))
            own = keys_of(batch["id"].to_pylist())
            doubled.fresh(own[~ids.fresh(own)])
            expected = "test" if part == OFFICIAL else part
            wrong_split += sum(split != expected for split in batch["split"].to_pylist())
            if part != OFFICIAL:
                _count_answers(batch, answers[part])
    parts = [part for part in SPLITS if part in groups]
    pairs = [(one, two) for at, one in enumerate(parts) for two in parts[at + 1 :]]
    return {
        "shared": {
            f"{one} & {two}": {
                "groups": groups[one].shared(groups[two]),
                "pictures": pixels[one].shared(pixels[two]),
            }
            for one, two in pairs
        },
        "doubled_ids": len(doubled),
        "rows_in_the_wrong_split": wrong_split,
        "official": {
            "note": "leaky by design of the benchmark, reported apart, never trained on",
            "pictures_shared_with_train": pixels[OFFICIAL].shared(pixels["train"]),
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
            if questions
        },
    }


def _count_answers(batch: pa.RecordBatch, answers: dict[str, Counter[str]]) -> None:
    columns = (batch[name].to_pylist() for name in ("question_key", "lang", "label"))
    for key, lang, label in zip(*columns, strict=True):
        if key and label:
            answers[f"{key} {lang}"][label] += 1


def _refuse(path: Path, found: dict[str, Any]) -> None:
    leaks = sum(sum(numbers.values()) for numbers in found["shared"].values())
    if leaks or found["doubled_ids"] or found["rows_in_the_wrong_split"]:
        raise DataError("data.leak", where=path, shared=leaks, doubled=found["doubled_ids"])
