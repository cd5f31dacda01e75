"""Squares of which every question has a better and a worse answer, and a stage that learns to prefer."""

from dataclasses import replace

from doctorsun.core.schema import Message, Part, Sample
from tests.train.small import COLOURS, ZH, samples

WORSE = {"red": "green", "green": "blue", "blue": "red"}


def paired(count: int, *, split: str) -> list[Sample]:
    """The samples of `small`; closed questions and talks get a worse answer, captions stay as they are."""
    return [with_worse(sample) for sample in samples(count, split=split)]


def with_worse(sample: Sample) -> Sample:
    said = sample.messages[-1].text
    if sample.task == "caption":
        return sample
    if said in COLOURS:
        return replace(sample, rejected=WORSE[said])
    if said in ZH.values():
        return replace(sample, rejected=ZH[WORSE[next(name for name in ZH if ZH[name] == said)]])
    return replace(sample, rejected="Four, or perhaps five; who knows.")


def dialogue(sample: Sample) -> Sample:
    """The sample with an earlier turn before its question; the pictures stay in the first turn."""
    first = next(message for message in sample.messages if message.role == "user")
    places = tuple(part for part in first.content if part.type == "image")
    words = tuple(part for part in first.content if part.type == "text")
    opening = (
        Message("user", (*places, Part("text", "Is there a square?"))),
        Message("assistant", (Part("text", "Yes, one."),)),
    )
    return replace(sample, messages=(*opening, Message("user", words), sample.messages[-1]))


def preference_stage(**changes: object) -> dict[str, object]:
    stage = {
        "kind": "preference",
        "language": {"mode": "lora", "lr": 0.005, "rank": 4, "alpha": 8},
        "projector": {"mode": "full", "lr": 0.001},
        "steps": 4,
        "row_tokens": 128,
        "rows": 4,
        "micro_rows": 2,
        "save_every": 2,
        "precision": "fp32",
        "mixture": {"general": None},
    }
    return stage | changes
