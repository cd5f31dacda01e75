"""Every encoder family with the other half of the language families: see `matrix.py`."""

import pytest

from tests.model.members import ENCODERS, LANGUAGES
from tests.train.matrix import Matrix

HALF = tuple(LANGUAGES)[1::2]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory) -> Matrix:
    return Matrix(tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("words", HALF)
@pytest.mark.parametrize("eyes", ENCODERS)
def test_every_encoder_and_language_model_learn_and_answer_the_same_in_plain_transformers(
    matrix: Matrix, eyes: str, words: str
):
    matrix.check(eyes, words)
