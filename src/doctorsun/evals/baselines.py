"""What is simpler than a model: the majority, neighbours on thumbnails, a softmax on the encoder's features.

The softmax head sees the same encoder and the same training pictures as the model does, so it is what
alignment could reach. Both are taught on the train split alone; the head's strength of regularisation is
chosen by cross-validation inside it, whole groups at a time.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from doctorsun.core.files import write_whole
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Sample
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.evals.ask import Task
from doctorsun.evals.learners import Example, head, neighbours
from doctorsun.evals.looks import Features, Looks, look
from doctorsun.evals.marks import Baseline
from doctorsun.evals.questions import stable_draw
from doctorsun.evals.settings import EvalSettings
from doctorsun.language.answers import form, label, question_key, value
from doctorsun.language.tokens import tokens

BASELINES = "baselines.json"
FEATURES = "features.npz"
_MOST_PICTURES = 8000
Learner = Callable[[Sequence[Example], Sequence[Example]], list[str] | None]


def measure_baselines(
    tasks: Sequence[Task], out: Path, settings: EvalSettings, *, features: Features | None, model: str
) -> dict[str, Baseline]:
    """The baselines by task, also written to `out/baselines.json`; those that cannot be made are absent."""
    found = {}
    for task in tasks:
        teacher = _teacher(task.dataset, settings)
        train = list(teacher.rows("train").words()) if teacher else []
        majority = _majority([sample for sample, _ in train] or [one.sample for one in task.questions])
        test = _examples((one.sample, one.images) for one in task.questions)
        taught = _within(_examples(train), {one.target for one in test}, seed=settings.seed)
        labels: dict[str, dict[str, str]] = {}
        if teacher and taught:
            pictures = {one.picture for one in [*taught, *test]}
            stream = _pictures(teacher, task, pictures)
            cache = out / FEATURES
            looks = look(stream, cache, total=len(pictures), features=features, model=model)
            labels = _answers(taught, test, looks, seed=settings.seed)
        found[task.dataset.name] = Baseline(majority, labels)
    write_whole(
        out / BASELINES, json.dumps({task: asdict(one) for task, one in found.items()}, sort_keys=True)
    )
    return found


def read_baselines(out: Path) -> dict[str, Baseline]:
    """The baselines of an evaluation by task; none where they were not measured."""
    path = out / BASELINES
    if not path.is_file():
        return {}
    tree = json.loads(path.read_text(encoding="utf-8"))
    return {task: Baseline(one["majority"], one["labels"]) for task, one in tree.items()}


def _teacher(dataset: Dataset, settings: EvalSettings) -> Dataset | None:
    """The data set whose train split teaches; null where there is none."""
    if "train" in dataset.splits:
        return dataset
    other = open_dataset(settings.train) if settings.train else None
    return other if other and "train" in other.splits else None


def _majority(samples: Iterable[Sample]) -> dict[str, str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        key, right = question_key(sample), label(sample)
        if key is not None and right is not None and sample.kind == "closed":
            counts[key][right] += 1
    return {key: min(found, key=lambda one: (-found[one], one)) for key, found in sorted(counts.items())}


def _examples(rows: Iterable[tuple[Sample, tuple[str, ...]]]) -> list[Example]:
    return [example for sample, images in rows if (example := _example(sample, images)) is not None]


def _example(sample: Sample, images: tuple[str, ...]) -> Example | None:
    """The question as a classifier sees it; null where it is not closed or not about one picture."""
    how, right, key = form(sample), label(sample), question_key(sample)
    if how not in {"yesno", "what"} or right is None or key is None or len(images) != 1:
        return None
    asked: str | None = None
    answer: str | None = right
    target, words = key, tuple(tokens(sample.messages[-2].text, sample.lang))
    if len(sample.facts) == 1:
        fact, words = sample.facts[0], ()
        if value(fact) is not None:
            target = f"{sample.source}/{fact.name}"
            asked = value(fact) if how == "yesno" else None
            answer = value(fact) if how == "what" or right == "yes" else None
    return Example(sample.id, target, answer, asked, images[0], sample.group or images[0], words)


def _within(examples: Sequence[Example], targets: set[str], *, seed: int) -> list[Example]:
    """The examples that teach something asked for, of at most 8,000 pictures, each fact of one once."""
    useful = [one for one in examples if one.target in targets and one.answer is not None]
    pictures = sorted({one.picture for one in useful}, key=lambda name: stable_draw(name, seed))[
        :_MOST_PICTURES
    ]
    kept = set(pictures)
    once = {(one.target, one.picture, one.words): one for one in useful if one.picture in kept}
    return list(once.values())


def _pictures(teacher: Dataset, task: Task, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    for name in sorted(wanted & task.pictures.keys()):
        yield name, task.pictures[name]
    for name, picture in teacher.rows("train").pictures():
        if name in wanted and name not in task.pictures:
            yield name, picture.bytes


def _answers(
    taught: Sequence[Example], test: Sequence[Example], looks: Looks, *, seed: int
) -> dict[str, dict[str, str]]:
    """By baseline and id of a question: what the baseline answers."""
    learners: dict[str, Learner] = {
        "knn": lambda known, asked: neighbours(known, asked, looks.thumbnails),
        "head": lambda known, asked: head(known, asked, looks.features, seed=seed),
    }
    if not looks.features:
        del learners["head"]
    by_target = _by_target(taught, looks), _by_target(test, looks)
    found: dict[str, dict[str, str]] = {name: {} for name in learners}
    for done, (target, asked) in enumerate(sorted(by_target[1].items()), start=1):
        known = by_target[0].get(target, [])
        for name, learner in learners.items():
            said = learner(known, asked)
            for one, answer in zip(asked, said or [], strict=False):
                found[name][one.id] = (
                    answer if one.asked is None else ("yes" if answer == one.asked else "no")
                )
        reporter().step("evals.teaching", done, len(by_target[1]))
    return {name: dict(sorted(answers.items())) for name, answers in found.items() if answers}


def _by_target(examples: Iterable[Example], looks: Looks) -> Mapping[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for one in examples:
        if one.picture in looks.thumbnails:
            found[one.target].append(one)
    return found
