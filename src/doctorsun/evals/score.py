"""`rescore`: predictions -> marks, results and report, without the model and without the data."""

from collections.abc import Sequence
from pathlib import Path

from doctorsun.core.files import write_whole
from doctorsun.core.progress import track
from doctorsun.evals.baselines import read_baselines
from doctorsun.evals.metrics import Result, measure, results_json
from doctorsun.evals.predictions import Prediction, read_predictions, write_predictions
from doctorsun.evals.report import write_report
from doctorsun.evals.scoring import score
from doctorsun.evals.settings import CONDITIONS
from doctorsun.evals.summary import read_summary
from doctorsun.evals.verdicts import QUESTIONS, verdicts, verdicts_json

RESULTS = "results.json"


def scored(path: Path) -> list[Prediction]:
    """The rows of a file of predictions with marks, in an order that does not tell when they were asked."""
    rows = [score(row) for row in track(list(read_predictions(path)), "evals.scoring")]
    return sorted(rows, key=lambda row: (row.task, row.split, row.id, CONDITIONS.index(row.condition)))


def rescore(path: Path, *, out: Path | None = None, rows: Sequence[Prediction] | None = None) -> list[Result]:
    """The results of a file of predictions; marks, `results.json`, `questions.json`, the report are written.

    `out` is another folder to write into; `rows` are the rows of the file where they are scored already.
    """
    place, folder = out or path.parent, path.parent
    marked = scored(path) if rows is None else rows
    summary = read_summary(folder)
    results = measure(
        marked, resamples=summary.resamples, seed=summary.seed, baselines=read_baselines(folder)
    )
    judged = verdicts(results)
    write_predictions(place / path.name, marked)
    write_whole(place / RESULTS, results_json(results))
    write_whole(place / QUESTIONS, verdicts_json(judged))
    write_report(folder, place, marked, results, judged)
    return results
