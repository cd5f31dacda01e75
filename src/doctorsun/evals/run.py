"""`evaluate`: ask, score, compare with what is simpler than a model, count, and write the report."""

from collections.abc import Sequence
from pathlib import Path

from doctorsun.core.chat import Chat
from doctorsun.core.errors import EvalError
from doctorsun.data.dataset import open_dataset
from doctorsun.evals.ask import ask, plan
from doctorsun.evals.baselines import BASELINES, measure_baselines
from doctorsun.evals.items import keep_thumbnails
from doctorsun.evals.looks import Features
from doctorsun.evals.metrics import Result
from doctorsun.evals.score import rescore, scored
from doctorsun.evals.settings import EvalSettings, Provenance
from doctorsun.evals.summary import summarise, write_summary


def evaluate(
    chat: Chat,
    datasets: Sequence[Path],
    *,
    out: Path,
    settings: EvalSettings,
    provenance: Provenance | None = None,
    features: Features | None = None,
) -> list[Result]:
    """The results of one model on data sets; all files of ARCHITECTURE.md's "Eval" stand in `out` then.

    Replies that `out` holds already are not asked for again if model, data and settings are the same.
    `features` turns pictures into [n, width] for the baseline that is the ceiling of the encoder.
    """
    origin = provenance or Provenance(model=chat.name)
    opened = [open_dataset(path) for path in datasets]
    names = [dataset.name for dataset in opened]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise EvalError("evals.same_name", found=doubled)
    tasks = [plan(dataset, settings) for dataset in opened]
    path = ask(chat, tasks, out, settings, model=origin.model)
    write_summary(out, summarise(chat.name, tasks, settings, origin))
    (out / BASELINES).unlink(missing_ok=True)
    if settings.baselines:
        measure_baselines(tasks, out, settings, features=features, model=origin.model)
    rows = scored(path)
    keep_thumbnails(tasks, rows, out, limit=settings.pictures)
    return rescore(path, rows=rows)
