"""A score while a model is trained: few questions, asked with their pictures, marked as everywhere else."""

from collections.abc import Iterator, Sequence

from doctorsun.core.chat import Chat, Request
from doctorsun.core.schema import Sample
from doctorsun.evals.ask import prediction
from doctorsun.evals.conditions import sha256s
from doctorsun.evals.predictions import Prediction
from doctorsun.evals.questions import Question
from doctorsun.evals.scoring import score

TOKENS = 48


def closed_accuracy(chat: Chat, samples: Sequence[Sample]) -> dict[str, float]:
    """The share of closed questions and choices that the strict protocol marks as right; none, no figure."""
    marks = [row.mark or 0.0 for row in _rows(chat, samples) if row.marks is not None]
    return {"closed_accuracy": sum(marks) / len(marks)} if marks else {}


def _rows(chat: Chat, samples: Sequence[Sample]) -> Iterator[Prediction]:
    closed = [sample for sample in samples if sample.kind in {"closed", "choice"}]
    questions = [Question(one, one.source, one.split, _names(one), one.group or one.id) for one in closed]
    requests = [_request(question) for question in questions]
    for question, request, reply in zip(questions, requests, chat.answer(requests), strict=True):
        yield score(prediction(question, request, reply, condition="image", shown=question.images))


def _names(sample: Sample) -> tuple[str, ...]:
    return sha256s([picture.bytes for picture in sample.images])


def _request(question: Question) -> Request:
    return Request(question.asked, tuple(picture.bytes for picture in question.sample.images), TOKENS)
