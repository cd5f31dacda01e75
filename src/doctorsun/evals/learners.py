"""Two small classifiers: neighbours that vote by class, and a softmax tuned on groups that were left out."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import MissingExtra
from doctorsun.core.strings import say
from doctorsun.evals.looks import Matrix

_NEIGHBOURS = 5
_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
_FOLDS = 3
_FEWEST = 10
_QUESTION_WORDS = 400
_STEPS = 200
Names = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Example:
    """One closed question about a picture. `target` is what a classifier learns; `answer` its label there.

    `asked` is the value that a yes/no question is about: the answer is yes where the classifier says that
    value. `words` are the question's, where a person wrote it and a picture alone cannot tell what is asked.
    """

    id: str
    target: str
    answer: str | None
    asked: str | None
    picture: str
    group: str
    words: tuple[str, ...]


def neighbours(
    known: Sequence[Example], asked: Sequence[Example], looks: Mapping[str, Matrix]
) -> list[str] | None:
    """For each question the class that its 5 nearest pictures speak for, rare classes weighing more; null
    where fewer than 10 examples of two classes are known.
    """
    if not _enough(known):
        return None
    answers = np.asarray([one.answer for one in known])
    classes, codes = np.unique(answers, return_inverse=True)
    weight = 1 / np.bincount(codes)
    places = np.stack([looks[one.picture] for one in known])
    found: list[str] = []
    for start in range(0, len(asked), 256):
        batch = np.stack([looks[one.picture] for one in asked[start : start + 256]])
        distance = (batch**2).sum(1)[:, None] - 2 * batch @ places.T + (places**2).sum(1)[None]
        near = np.argsort(distance, axis=1, kind="stable")[:, :_NEIGHBOURS]
        votes = np.zeros((len(batch), len(classes)))
        np.add.at(votes, (np.arange(len(batch))[:, None], codes[near]), weight[codes[near]])
        found += [str(classes[best]) for best in votes.argmax(axis=1)]
    return found


def head(
    known: Sequence[Example], asked: Sequence[Example], looks: Mapping[str, Matrix], *, seed: int
) -> list[str] | None:
    """For each question what a balanced softmax on features says; null as above; may raise MissingExtra."""
    if not _enough(known):
        return None
    if find_spec("sklearn") is None:
        raise MissingExtra(say("evals.feature_head"), "eval")
    vocabulary = _vocabulary(known)
    first = _inputs(known, looks, vocabulary)
    centre, spread = first.mean(axis=0), first.std(axis=0)
    spread[spread == 0] = 1.0
    inputs = (first - centre) / spread
    answers = np.asarray([one.answer for one in known])
    groups = np.asarray([one.group for one in known])
    model = _fit(inputs, answers, _strength(inputs, answers, groups, seed=seed))
    said: Names = model.predict((_inputs(asked, looks, vocabulary) - centre) / spread)
    return [str(one) for one in said]


def _enough(known: Sequence[Example]) -> bool:
    return len(known) >= _FEWEST and len({one.answer for one in known}) > 1


def _strength(inputs: Matrix, answers: Names, groups: Names, *, seed: int) -> float:
    """The inverse regularisation with the best mean recall on groups that were left out."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(_FOLDS, len(np.unique(groups)))
    if folds < 2:
        return _STRENGTHS[1]
    totals = dict.fromkeys(_STRENGTHS, 0.0)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        parts = list(splitter.split(inputs, answers, groups))
        for learn, check in parts:
            if len(np.unique(answers[learn])) < 2 or len(check) == 0:
                continue
            for strength in _STRENGTHS:
                said = _fit(inputs[learn], answers[learn], strength).predict(inputs[check])
                totals[strength] += balanced_accuracy_score(answers[check], said)
    return max(_STRENGTHS, key=lambda strength: (totals[strength], -strength))


def _fit(inputs: Matrix, answers: Names, strength: float) -> Any:  # noqa: ANN401 - a class without types
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, answers)


def _vocabulary(known: Sequence[Example]) -> dict[str, int]:
    """The most frequent words of questions that people wrote."""
    counts = Counter(word for one in known for word in set(one.words))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:_QUESTION_WORDS]
    return {word: at for at, word in enumerate(frequent)}


def _inputs(
    examples: Sequence[Example], looks: Mapping[str, Matrix], vocabulary: Mapping[str, int]
) -> Matrix:
    words = np.zeros((len(examples), len(vocabulary)))
    for at, one in enumerate(examples):
        for word in one.words:
            if word in vocabulary:
                words[at, vocabulary[word]] = 1.0
    return np.concatenate([np.stack([looks[one.picture] for one in examples]), words], axis=1)
