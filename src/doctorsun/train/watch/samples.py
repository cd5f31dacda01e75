"""What the model answers to the same few validation questions as it learns, in Chinese and in English.

Answers are greedy and nothing is drawn, so `samples.jsonl` is the same in every run of a recipe.
"""

import base64
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from doctorsun.core.chat import Chat, Request
from doctorsun.core.files import storage_errors, write_whole
from doctorsun.core.schema import Kind, Message, Sample
from doctorsun.core.thumbnails import thumbnail
from doctorsun.data.dataset import Dataset
from doctorsun.train.draws import seed_of
from doctorsun.train.watch.following import rows_of

NAME, PICTURES = "samples.jsonl", "samples"
ANSWER_TOKENS, LONG_TOKENS = 48, 160
_LONG = {"caption", "report"}


def chosen(dataset: Dataset, count: int, *, seed: int, kinds: Collection[Kind] | None = None) -> list[Sample]:
    """`count` validation samples with pictures, as many of each language; the same for the same seed."""
    rows = dataset.rows("validation")
    drawn: dict[str, list[tuple[int, str | None, int]]] = {}
    for meta in rows.index():
        if kinds is None or meta.kind in kinds:
            drawn.setdefault(meta.lang, []).append((seed_of(seed, "show", meta.id), meta.picture, meta.row))
    found: list[int] = []
    for at, lang in enumerate(sorted(drawn)):
        share = count // len(drawn) + (at < count % len(drawn))
        found += list(_distinct(sorted(drawn[lang]), share))
    return list(rows.take(found))


def answers(chat: Chat, samples: Sequence[Sample], *, text_only: bool) -> list[str]:
    """What is said to each sample's question; a stage that learns text alone is asked without pictures."""
    asked = [_request(sample, text_only=text_only) for sample in samples]
    return [reply.text.strip() for reply in chat.answer(asked)]


class Samples:
    """`samples.jsonl` of a run, with a small JPEG of each picture beside it in `samples/`."""

    def __init__(self, out: Path) -> None:
        self._path = out / NAME

    def cut(self, stage: int, step: int) -> None:
        """Forget what was answered after a step of a stage, and a line that a kill has cut."""
        if not self._path.exists():
            return
        kept = [row for row in rows_of(self._path) if (row["stage"], row["step"]) <= (stage, step)]
        write_whole(self._path, "".join(_line(row) for row in kept))

    def add(self, place: Mapping[str, object], samples: Sequence[Sample], answers: Sequence[str]) -> None:
        """Write a line for each sample and what was answered."""
        lines = []
        for sample, answer in zip(samples, answers, strict=True):
            names = [self._keep(picture.bytes) for picture in sample.images]
            told = {"id": sample.id, "lang": sample.lang, "kind": sample.kind, "pictures": names}
            question, reference = sample.messages[-2].text.strip(), sample.messages[-1].text.strip()
            lines.append(
                _line({**place, **told, "question": question, "reference": reference, "answer": answer})
            )
        with storage_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def _keep(self, image: bytes) -> str | None:
        """The name of a small JPEG of a picture, written when it is not there; null for no picture."""
        address = thumbnail(image)
        if address is None:
            return None
        raw = base64.b64decode(address.partition(",")[2])
        name = f"{seed_of('picture', address):016x}.jpg"
        path = self._path.parent / PICTURES / name
        if not path.is_file():
            write_whole(path, raw)
        return name


def _line(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _distinct(drawn: Sequence[tuple[int, str | None, int]], count: int) -> Iterator[int]:
    """The first `count` rows, those of a picture that was not shown yet before all others."""
    seen: set[str | None] = set()
    first: list[int] = []
    rest: list[int] = []
    for _, picture, row in drawn:
        (rest if picture is None or picture in seen else first).append(row)
        seen.add(picture)
    yield from (first + rest)[:count]


def _request(sample: Sample, *, text_only: bool) -> Request:
    messages = sample.messages[:-1]
    images = tuple(picture.bytes for picture in sample.images)
    if text_only and images:
        messages, images = tuple(_without_images(message) for message in messages), ()
    tokens = LONG_TOKENS if sample.task in _LONG else ANSWER_TOKENS
    return Request(messages, images, tokens)


def _without_images(message: Message) -> Message:
    return Message(message.role, tuple(part for part in message.content if part.type != "image"))
