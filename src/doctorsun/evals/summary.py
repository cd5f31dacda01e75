"""`evaluation.json`: what was measured, with what and how, so that scoring again needs nothing else."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from doctorsun.core.files import sha256_file, write_whole
from doctorsun.evals.ask import Task
from doctorsun.evals.settings import EvalSettings, Provenance

EVALUATION = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """One data set as it was measured. `unpaired` questions had no other picture of their modality."""

    path: str
    sha256: str
    licence: str
    split: str
    questions: int
    pictures: int
    unpaired: int
    sources: dict[str, int] = field(default_factory=dict)
    ungrouped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """An evaluation without its numbers."""

    name: str
    model: str
    command: str = ""
    recipe: str = ""
    metrics: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    resamples: int = 1000
    pictures: int = 200
    settings: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, Measured] = field(default_factory=dict)


def summarise(name: str, tasks: Sequence[Task], settings: EvalSettings, origin: Provenance) -> Summary:
    """The summary of an evaluation that is about to be scored."""
    return Summary(
        name=name,
        model=origin.model,
        command=origin.command,
        recipe=origin.recipe,
        metrics=str(origin.metrics or ""),
        versions=dict(sorted(origin.versions.items())),
        seed=settings.seed,
        resamples=settings.resamples,
        pictures=settings.pictures,
        settings=settings.model_dump(mode="json"),
        tasks={task.dataset.name: _measured(task, settings.split) for task in tasks},
    )


def write_summary(out: Path, summary: Summary) -> None:
    """Put the summary into the folder of the evaluation."""
    text = json.dumps(asdict(summary), ensure_ascii=False, indent=1, sort_keys=True)
    write_whole(out / EVALUATION, text + "\n")


def read_summary(out: Path) -> Summary:
    """The summary of the evaluation in a folder; a bare one where there are only predictions."""
    path = out / EVALUATION
    if not path.is_file():
        return Summary(name=out.name, model="")
    tree = json.loads(path.read_text(encoding="utf-8"))
    tasks = {
        name: Measured(**{**one, "ungrouped": tuple(one["ungrouped"])}) for name, one in tree["tasks"].items()
    }
    return Summary(**{**tree, "tasks": tasks})


def _measured(task: Task, split: str) -> Measured:
    dataset = task.dataset
    counts = Counter(question.sample.source for question in task.questions)
    known = {question.sample.source for question in task.questions if question.sample.group is not None}
    return Measured(
        path=dataset.path.name,
        sha256=sha256_file(dataset.path / "dataset.json"),
        licence=dataset.licence,
        split=split,
        questions=len(task.questions),
        pictures=len({picture for question in task.questions for picture in question.images}),
        unpaired=task.unpaired,
        sources=dict(sorted(counts.items())),
        ungrouped=tuple(sorted(counts.keys() - known)),
    )
