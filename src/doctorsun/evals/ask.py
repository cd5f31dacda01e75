"""Asking: every question under every condition once, saved as replies come, so that a killed run goes on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.chat import Chat, Reply, Request
from doctorsun.core.files import sha256_file, storage_errors, write_whole
from doctorsun.core.progress import reporter
from doctorsun.data.dataset import Dataset
from doctorsun.evals.conditions import Owner, blank, derangement, noise, sha256s
from doctorsun.evals.predictions import Prediction, drop_cut_line, read_predictions, to_line
from doctorsun.evals.questions import Question, fair_part, prompt_text, questions, without_images
from doctorsun.evals.settings import Condition, EvalSettings
from doctorsun.language.answers import answer_text, form, label, question_key

PREDICTIONS = "predictions.jsonl"
ASKED = "asked.json"


@dataclass(frozen=True, slots=True)
class Task:
    """A data set with the questions to be asked, the partners of its pictures, and all pictures needed."""

    dataset: Dataset
    questions: Sequence[Question]
    partners: Mapping[str, str | None]
    pictures: Mapping[str, bytes]

    @property
    def unpaired(self) -> int:
        """How many questions with pictures cannot be asked with another one."""
        return sum(_partners(self, question) is None for question in self.questions if question.images)


@dataclass(frozen=True, slots=True)
class _Ask:
    question: Question
    condition: Condition
    shown: tuple[str, ...]
    request: Request


def plan(dataset: Dataset, settings: EvalSettings) -> Task:
    """What is to be asked of one data set; its pictures are held in memory, each once."""
    found = questions(dataset, settings.split)
    owners = {
        picture: Owner(question.sample.modality or question.sample.source, question.group)
        for question in found
        for picture in question.images
    }
    partners = derangement(owners, seed=settings.seed)
    asked = found if settings.limit is None else fair_part(found, settings.limit, seed=settings.seed)
    needed = {picture for question in asked for picture in question.images}
    if "shuffled" in settings.conditions:
        needed |= {partner for picture in needed if (partner := partners[picture]) is not None}
    pictures = {
        name: picture.bytes for name, picture in dataset.rows(settings.split).pictures() if name in needed
    }
    return Task(dataset, asked, partners, pictures)


def ask(chat: Chat, tasks: Sequence[Task], out: Path, settings: EvalSettings, *, model: str) -> Path:
    """The file of predictions with every question of the tasks in it; what was there already is kept."""
    path = out / PREDICTIONS
    _start(path, tasks, settings, model=model)
    done = {row.key for row in read_predictions(path)}
    total = sum(1 for _ in _keys(tasks, settings))
    finished = sum(key in done for key in _keys(tasks, settings))
    asks = (one for task in tasks for one in _asks(task, settings, done))
    with storage_errors(path), path.open("a", encoding="utf-8") as file:
        while batch := [one for _, one in zip(range(settings.batch), asks, strict=False)]:
            replies = chat.answer([one.request for one in batch])
            for one, reply in zip(batch, replies, strict=True):
                file.write(to_line(_row(one, reply)))
                finished += 1
                reporter().step("evals.asking", finished, total)
            file.flush()
    return path


def fingerprint(tasks: Sequence[Task], settings: EvalSettings, *, model: str) -> dict[str, object]:
    """What must be the same for replies to stay valid: the model, the data sets, and how they are asked."""
    return {
        "model": model,
        "data": {task.dataset.name: sha256_file(task.dataset.path / "dataset.json") for task in tasks},
        "seed": settings.seed,
        "answer_tokens": settings.answer_tokens,
        "report_tokens": settings.report_tokens,
    }


def _start(path: Path, tasks: Sequence[Task], settings: EvalSettings, *, model: str) -> None:
    """Make the file ready to be appended to; replies that are no longer valid are put aside, not deleted."""
    wanted = fingerprint(tasks, settings, model=model)
    asked = path.with_name(ASKED)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and (not asked.is_file() or json.loads(asked.read_text("utf-8")) != wanted):
            aside = path.with_name(f"predictions-{sha256_file(path)[:8]}.jsonl")
            path.replace(aside)
            reporter().note("evals.started_over", where=path, aside=aside.name)
        path.touch()
    write_whole(asked, json.dumps(wanted, indent=1, sort_keys=True) + "\n")
    drop_cut_line(path)


def _keys(tasks: Sequence[Task], settings: EvalSettings) -> Iterator[tuple[str, str, str, str]]:
    for task in tasks:
        for condition in _conditions(settings):
            for question in task.questions:
                if _shown(task, question, condition) is not None:
                    yield (question.task, question.split, question.sample.id, condition)


def _asks(task: Task, settings: EvalSettings, done: set[tuple[str, str, str, str]]) -> Iterator[_Ask]:
    for condition in _conditions(settings):
        for question in task.questions:
            shown = _shown(task, question, condition)
            if shown is None or (question.task, question.split, question.sample.id, condition) in done:
                continue
            yield _Ask(question, condition, *_request(task, question, condition, shown, settings))


def _conditions(settings: EvalSettings) -> list[Condition]:
    return list(dict.fromkeys(settings.conditions))


def _shown(task: Task, question: Question, condition: Condition) -> tuple[str, ...] | None:
    """The pictures that stand behind a condition; null where the question is not asked under it."""
    if not question.images:
        return () if condition == "none" else None
    if condition == "none":
        return ()
    return _partners(task, question) if condition == "shuffled" else question.images


def _partners(task: Task, question: Question) -> tuple[str, ...] | None:
    others = [task.partners[picture] for picture in question.images]
    found = tuple(other for other in others if other is not None)
    return found if len(found) == len(others) else None


def _request(
    task: Task, question: Question, condition: Condition, shown: tuple[str, ...], settings: EvalSettings
) -> tuple[tuple[str, ...], Request]:
    images = tuple(task.pictures[name] for name in shown)
    if condition == "blank":
        images = tuple(blank(image) for image in images)
    elif condition == "noise":
        images = tuple(noise(image, seed=settings.seed) for image in images)
    messages = question.asked if images else without_images(question.asked)
    longer = question.sample.task in {"caption", "report"}
    tokens = settings.report_tokens if longer else settings.answer_tokens
    changed = condition in {"blank", "noise"}
    return (sha256s(images) if changed else shown), Request(messages, images, tokens)


def _row(one: _Ask, reply: Reply) -> Prediction:
    return prediction(one.question, one.request, reply, condition=one.condition, shown=one.shown)


def prediction(
    question: Question, request: Request, reply: Reply, *, condition: Condition, shown: tuple[str, ...]
) -> Prediction:
    """The row of one reply, not scored yet."""
    sample = question.sample
    return Prediction(
        id=sample.id,
        task=question.task,
        split=question.split,
        condition=condition,
        lang=sample.lang,
        kind=sample.kind,
        form=form(sample),
        genre=sample.task,
        source=sample.source,
        topic=sample.topic,
        origin=sample.origin,
        modality=sample.modality,
        group=question.group,
        question_key=question_key(sample),
        label=label(sample),
        allowed=question.allowed,
        phrasing=sample.phrasing,
        phrasing_held_out=question.held_out,
        prompt=prompt_text(request.messages),
        question=request.messages[-1].text.strip(),
        reference=answer_text(sample),
        choices=sample.choices,
        images=question.images,
        shown=shown,
        reply=reply.text,
        stopped=reply.stopped,
        tokens=reply.tokens,
    )
