"""Which questions are asked: the samples of a data set without their answers, and a fair part of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from doctorsun.core.errors import EvalError
from doctorsun.core.plugins import near
from doctorsun.core.schema import Message, Part, Sample
from doctorsun.data.dataset import Dataset
from doctorsun.language.answers import form, label, question_key
from doctorsun.language.banks import held_out
from doctorsun.language.glossary import glossary


@dataclass(frozen=True, slots=True)
class Question:
    """One sample to be asked: its pictures are only named (SHA-256); `group` is never empty."""

    sample: Sample
    task: str
    split: str
    images: tuple[str, ...]
    group: str

    @property
    def asked(self) -> tuple[Message, ...]:
        """The messages up to the answer; nothing here is made from the answer."""
        return self.sample.messages[:-1]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The labels that an answer can have; none where the answer has no label."""
        how = form(self.sample)
        if how == "yesno":
            return ("yes", "no")
        if how != "what" or label(self.sample) is None:
            return ()
        attribute = glossary().attribute(self.sample.facts[0].name)
        known = attribute.labels_in(self.sample.source) if attribute else ()
        return tuple(dict.fromkeys([*known, str(label(self.sample))]))

    @property
    def held_out(self) -> bool | None:
        """Whether its phrasing is never trained on; null where it has none from a bank."""
        return held_out(self.sample.phrasing) if self.sample.phrasing else None


def questions(dataset: Dataset, split: str) -> list[Question]:
    """All questions of a split in the order of the files; EvalError where there is no such split."""
    if split not in dataset.splits:
        known = list(dataset.splits)
        raise EvalError("evals.no_split", where=dataset.path, found=split, near=near(split, known))
    found = [
        Question(sample, dataset.name, split, images, _group(sample, images))
        for sample, images in dataset.rows(split).words()
    ]
    if not found:
        raise EvalError("evals.no_questions", where=dataset.path, found=split)
    return found


def fair_part(found: Sequence[Question], limit: int, *, seed: int) -> list[Question]:
    """`limit` questions, the same share of every stratum; a larger limit only adds to a smaller one's."""
    strata: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, question in enumerate(found):
        strata[_stratum(question)].append(at)
    ranked = []
    for members in strata.values():
        drawn = sorted((stable_draw(found[at].sample.id, seed), at) for at in members)
        ranked += [((rank + 0.5) / len(members), name, at) for rank, (name, at) in enumerate(drawn)]
    return [found[at] for at in sorted(at for _, _, at in sorted(ranked)[:limit])]


def without_images(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The same messages with the places of the images taken out."""
    return tuple(
        Message(message.role, tuple(part for part in message.content if part.type != "image"))
        for message in messages
    )


def prompt_text(messages: Iterable[Message]) -> str:
    """The turns as a person reads them, `[image]` for an image."""
    return "\n".join(f"{message.role}: {''.join(map(_shown, message.content))}" for message in messages)


def _shown(part: Part) -> str:
    return "[image]" if part.type == "image" else part.text or ""


def _group(sample: Sample, images: tuple[str, ...]) -> str:
    """The group for statistics: the sample's own, else its first picture (zh as en), else itself."""
    return sample.group or (images[0] if images else sample.derived_from or sample.id)


def _stratum(question: Question) -> tuple[str, ...]:
    sample = question.sample
    what = question_key(sample) or f"{sample.task}/{sample.kind}/{sample.topic}"
    return (sample.source, sample.lang, sample.origin, what)


def stable_draw(name: str, seed: int) -> str:
    """A hash of the name that orders things at random, the same for the same seed."""
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
