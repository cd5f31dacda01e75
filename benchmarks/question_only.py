"""How far the text of generated closed questions tells their answers: guessers that see no picture.

Two guessers learn from the training split of a built data set and answer its test split: the majority answer
of each question, and a naive Bayes on character n-grams of it (for choices: the option that was right
most often in training). Chance is one over the number of answers of a question. Last, one JSON object.

    python benchmarks/question_only.py datasets/NAME
"""

import argparse
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.schema import Sample
from doctorsun.data.dataset import open_dataset
from doctorsun.language.answers import form, label, question_key


@dataclass(frozen=True)
class Question:
    """One generated closed question: its key (with the source), language, words, label and options."""

    key: str
    lang: str
    text: str
    label: str
    offered: tuple[str, ...]


def questions(samples: Iterator[Sample]) -> list[Question]:
    """The closed and choice questions that were made from facts."""
    found = []
    for sample in samples:
        key, right = question_key(sample), label(sample)
        if sample.origin not in ("template", "synthetic") or not key or right is None:
            continue
        offered = sample.choices if form(sample) == "choice" else ()
        text = sample.messages[0].text
        answer = sample.choices["ABCDEFGH".index(sample.messages[-1].text[0])] if offered else right
        found.append(Question(key, sample.lang, text, answer, offered))
    return found


class Majority:
    """The answer that was right most often for a question in training."""

    def __init__(self, seen: Sequence[Question]) -> None:
        self.counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for one in seen:
            self.counts[one.key, one.lang][one.label] += 1

    def guess(self, one: Question, labels: Sequence[str]) -> str:
        """The most frequent of the possible answers; the first by name on a tie."""
        known = self.counts[one.key, one.lang]
        return min(one.offered or labels, key=lambda name: (-known[name], name))


class Grams:
    """Naive Bayes of the answer to a question on its character n-grams (1 to 4)."""

    def __init__(self, seen: Sequence[Question]) -> None:
        self.priors: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.grams: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for one in seen:
            self.priors[one.key, one.lang][one.label] += 1
            self.grams[one.key, one.lang, one.label].update(_grams(one.text))

    def guess(self, one: Question, labels: Sequence[str]) -> str:
        """The likeliest of the possible answers; the first by name on a tie."""
        prior = self.priors[one.key, one.lang]
        words = _grams(one.text)

        def score(name: str) -> tuple[float, str]:
            counts = self.grams[one.key, one.lang, name]
            whole = sum(counts.values()) + 5000
            likely = sum(math.log((counts[gram] + 0.5) / whole) for gram in words)
            return (-(math.log(prior[name] + 0.5) + likely), name)

        return min(one.offered or labels, key=score)


def _grams(text: str) -> set[str]:
    return {text[at : at + size] for size in (1, 2, 3, 4) for at in range(len(text) - size + 1)}


def main() -> None:
    """Print what each guesser reaches above chance, by form and language, and over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--quick", action="store_true", help="at most 4,000 questions of each split")
    args = parser.parse_args()
    dataset = open_dataset(args.dataset)
    train, test = (
        questions(sample for sample, _ in dataset.rows(part).words()) for part in ("train", "test")
    )
    if args.quick:
        train, test = train[:: max(1, len(train) // 4000)], test[:: max(1, len(test) // 4000)]
    labels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in (*train, *test):
        labels[one.key, one.lang].add(one.label)
    known = {name: sorted(found) for name, found in labels.items()}
    result: dict[str, object] = {"questions": len(test), "trained_on": len(train)}
    for name, guesser in (("majority", Majority(train)), ("ngram", Grams(train))):
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for one in test:
            possible = known[one.key, one.lang]
            chance = 1 / len(one.offered or possible)
            if len(one.offered or possible) > 1:
                right = float(guesser.guess(one, possible) == one.label)
                for group in ("all", one.key.rpartition("/")[2], one.lang, one.key.partition("/")[0]):
                    rows[group].append((right, chance))
        for group, marks in sorted(rows.items()):
            hits, chances = (sum(column) / len(marks) for column in zip(*marks, strict=True))
            told = f"right {hits:.3f}  chance {chances:.3f}  {hits - chances:+.3f}"
            print(f"{name:9} {group:20} n {len(marks):6}  {told}")
            result[f"{name}_{group}_above_chance"] = round(hits - chances, 4)
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
