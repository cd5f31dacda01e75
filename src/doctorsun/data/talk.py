"""Instruction and dialogue data without pictures: one question, its answer, and the turns before it."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from doctorsun.core.schema import Lang, Message, Origin, Part, Record, Task, Text
from doctorsun.data.counts import Counts

_TURN = re.compile(r"<(user|bot)>[:：]")


def instruction_records(
    rows: Sequence[Mapping[str, Any] | None], counts: Counts, *, name: str, lang: Lang, origin: Origin
) -> Iterator[Record]:
    """One record an {instruction, input, output} object; what lacks one is counted by its place."""
    for at, row in enumerate(rows):
        key = f"{name}-{at}"
        if (
            row is None
            or not isinstance(row.get("instruction"), str)
            or not isinstance(row.get("output"), str)
        ):
            counts.drop("data.bad_row", key)
            continue
        given = row.get("input")
        question = "\n".join(part.strip() for part in (row["instruction"], given or "") if str(part).strip())
        yield talk_record(key, question, row["output"], lang=lang, origin=origin)


def talk_record(
    key: str,
    question: str,
    answer: str,
    *,
    lang: Lang,
    origin: Origin = "human",
    task: Task = "qa",
) -> Record:
    """A record of one question and answer; equal questions are one group."""
    text = Text(
        question=question.strip(),
        answer=answer.strip(),
        lang=lang,
        task=task,
        kind="open",
        origin=origin,
        key="talk",
    )
    return Record(id=key, texts=(text,), group=question_group(question))


def dialogue_record(key: str, turns: str, answer: str, *, lang: Lang, origin: Origin) -> Record | None:
    """A record of a dialogue written as "<user>: … <bot>: … <user>: …"; null where it is not so written."""
    pieces = _TURN.split(turns)[1:]
    said = [(pieces[at], pieces[at + 1].strip()) for at in range(0, len(pieces) - 1, 2)]
    expected = ["user" if at % 2 == 0 else "bot" for at in range(len(said))]
    if not said or [who for who, _ in said] != expected or len(said) % 2 == 0:
        return None
    history = tuple(
        Message("user" if who == "user" else "assistant", (Part("text", words),)) for who, words in said[:-1]
    )
    text = Text(
        question=said[-1][1],
        answer=answer.strip(),
        lang=lang,
        task="dialogue",
        kind="open",
        origin=origin,
        history=history,
        key="talk",
    )
    return Record(id=key, texts=(text,), group=question_group(said[0][1]))


def question_group(question: str) -> str:
    """The group of a question: the same for equal words, whatever their spaces, stops and capitals."""
    words = re.sub(r"\W+", "", question).lower()
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:32]
