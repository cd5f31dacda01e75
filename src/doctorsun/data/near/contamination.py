"""What of a benchmark stands in training rows: its pictures, altered or not, and its questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.distinct import Pairs, unique
from doctorsun.data.near.pictures import confirmed_pairs
from doctorsun.data.near.questions import QUESTION_BYTES as QUESTION_BYTES
from doctorsun.data.near.questions import answers_of, near_questions, same_terms, words_of
from doctorsun.data.near.questions import question_print as question_print

EXAMPLES = 20
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Side:
    """Training rows or one benchmark, as arrays that may lie on disk.

    `pictures` are the ids of pictures, `pixels` [n, 32] the sha256 of what they show, `looks`
    [n, LOOK_BYTES]. `rows` are the ids of questions, `questions` [q, QUESTION_BYTES] their prints, and
    `picture_of` [q] the place of the picture that a question asks about, -1 where it asks about none.
    """

    pictures: Sequence[str]
    pixels: NDArray[np.uint8]
    looks: NDArray[np.uint8]
    rows: Sequence[str]
    questions: NDArray[np.uint8]
    picture_of: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leaks:
    """Pairs [p, 2] of a place in training and a place in a benchmark, by what they have in common.

    `same_pixels` and `near_pictures` are places of pictures, the others places of questions. Equal ones of
    one side are paired with one of the other, so no pair is missing that would tell a place more.
    """

    same_pixels: Pairs
    near_pictures: Pairs
    same_words: Pairs
    near_words: Pairs
    same_terms: Pairs

    @property
    def pictures(self) -> Pairs:
        """All pairs of pictures that show the same."""
        return unique([self.same_pixels, self.near_pictures])

    def training_rows(self, train: Side, benchmark: Side) -> Mask:
        """The training rows to leave out: those about a leaked picture, those with a leaked text question.

        The words of a question about a picture ("Is there a fracture?") leak nothing without the picture.
        """
        rows = _about(train, self.pictures[:, 0])
        of_text = benchmark.picture_of[self._words[:, 1]] < 0
        rows[self._words[of_text, 0]] = True
        return rows

    def benchmark_rows(self, benchmark: Side) -> Mask:
        """The benchmark's questions that training has seen: their picture, or, without one, their words."""
        seen = _about(benchmark, self.pictures[:, 1])
        worded = np.zeros(len(seen), np.bool_)
        worded[self._words[:, 1]] = True
        return np.asarray(seen | (worded & (benchmark.picture_of < 0)))

    @property
    def _words(self) -> Pairs:
        return unique([self.same_words, self.near_words])


def find_leaks(train: Side, benchmark: Side) -> Leaks:
    """What training rows and a benchmark have in common."""
    same_words = _equal(words_of(train.questions), words_of(benchmark.questions))
    near_words = near_questions(train.questions, benchmark.questions)
    return Leaks(
        same_pixels=_equal(_heads(train.pixels), _heads(benchmark.pixels)),
        near_pictures=confirmed_pairs(train.looks, others=benchmark.looks),
        same_words=same_words,
        near_words=near_words,
        same_terms=same_terms(train.questions, benchmark.questions),
    )


def contamination(train: Side, benchmarks: Mapping[str, Side]) -> dict[str, Any]:
    """For each benchmark what of it stands in training, in numbers and a few ids, as `audit.json` holds it.

    `leaked` counts the questions whose picture training has seen, or, where they have none, whose words it
    has read (`share` of all); `near` leaves out what is exact. `by_terms` are suspicions: other words with
    the same numbers and glossary terms, such as a translation. `triplets` have picture (or none), question
    and answer in common.
    """
    return {name: report(train, side, find_leaks(train, side)) for name, side in sorted(benchmarks.items())}


def repeated_triplets(side: Side) -> int:
    """The rows that repeat picture, question and answer of an earlier row."""
    keys = _triplets(side)
    return len(keys) - len(np.unique(keys))


def check_no_near_across(looks: NDArray[np.uint8], splits: Sequence[str]) -> int:
    """The number of confirmed pairs of looks [n, LOOK_BYTES] that lie in two splits: 0 if all is well."""
    one, two = confirmed_pairs(looks).T
    names = np.asarray(splits)
    return int((names[one] != names[two]).sum())


def report(train: Side, benchmark: Side, leaks: Leaks) -> dict[str, Any]:
    """What `contamination` says of one benchmark, of leaks that were found."""
    exact = _hit(leaks.same_pixels[:, 1], len(benchmark.pictures))
    near = _hit(leaks.near_pictures[:, 1], len(benchmark.pictures)) & ~exact
    same = _hit(leaks.same_words[:, 1], len(benchmark.rows))
    alike = _hit(leaks.near_words[:, 1], len(benchmark.rows)) & ~same
    terms = _hit(leaks.same_terms[:, 1], len(benchmark.rows)) & ~same & ~alike
    leaked = leaks.benchmark_rows(benchmark)
    rows = leaks.training_rows(train, benchmark)
    return {
        "pictures": {
            "of": len(benchmark.pictures),
            "exact": int(exact.sum()),
            "near": int(near.sum()),
            "examples": {
                "exact": _named(leaks.same_pixels, train.pictures, benchmark.pictures, exact),
                "near": _named(leaks.near_pictures, train.pictures, benchmark.pictures, near),
            },
        },
        "questions": {
            "of": len(benchmark.rows),
            "exact": int(same.sum()),
            "near": int(alike.sum()),
            "by_terms": int(terms.sum()),
            "about_a_seen_picture": int(_about(benchmark, leaks.pictures[:, 1]).sum()),
            "triplets": int(np.isin(_triplets(benchmark), _triplets(train)).sum()),
            "leaked": int(leaked.sum()),
            "share": round(float(leaked.mean()), 6) if len(leaked) else 0.0,
            "examples": {
                "exact": _named(leaks.same_words, train.rows, benchmark.rows, same),
                "near": _named(leaks.near_words, train.rows, benchmark.rows, alike),
                "by_terms": _named(leaks.same_terms, train.rows, benchmark.rows, terms),
            },
        },
        "training": {
            "pictures": int(_hit(leaks.pictures[:, 0], len(train.pictures)).sum()),
            "rows": int(rows.sum()),
            "examples": [train.rows[place] for place in np.flatnonzero(rows)[:EXAMPLES].tolist()],
        },
    }


def _named(pairs: Pairs, train: Sequence[str], benchmark: Sequence[str], wanted: Mask) -> list[list[str]]:
    """The ids of a few pairs, of each wanted place of the benchmark the first."""
    kept = pairs[wanted[pairs[:, 1]]]
    _, first = np.unique(kept[:, 1], return_index=True)
    return [[train[one], benchmark[two]] for one, two in kept[first[:EXAMPLES]].tolist()]


def _about(side: Side, pictures: NDArray[np.int64]) -> Mask:
    """The rows that ask about one of some pictures."""
    seen = np.append(_hit(pictures, len(side.pictures)), False)
    return np.asarray(seen[side.picture_of])


def _hit(places: NDArray[np.int64], count: int) -> Mask:
    hit = np.zeros(count, np.bool_)
    hit[places] = True
    return hit


def _heads(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first eight bytes of each digest, as a number."""
    return np.ascontiguousarray(digests[:, :8]).view(np.uint64)[:, 0]


def _triplets(side: Side) -> NDArray[np.uint64]:
    """A number for the picture, the question and the answer of each row together."""
    shown = np.append(_heads(side.pixels), np.uint64(0))[side.picture_of]
    stirred = (shown ^ (shown >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    asked = words_of(side.questions) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.asarray(stirred + asked + answers_of(side.questions), np.uint64)


def _equal(ones: NDArray[np.uint64], twos: NDArray[np.uint64]) -> Pairs:
    """Pairs of equal numbers: each place of one side with the first of the other."""
    names_1, first_1 = np.unique(ones, return_index=True)
    names_2, first_2 = np.unique(twos, return_index=True)
    left, right = np.flatnonzero(np.isin(ones, names_2)), np.flatnonzero(np.isin(twos, names_1))
    return unique(
        [
            np.stack([left, first_2[np.searchsorted(names_2, ones[left])]], axis=1),
            np.stack([first_1[np.searchsorted(names_1, twos[right])], right], axis=1),
        ]
    )
