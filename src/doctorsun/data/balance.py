"""Which questions from facts are taken away, the same ones in both languages, so that text tells nothing.

Yes comes as often as no everywhere. What is measured on (validation and test) also has no frequent answer
that a guesser could live on, within a source; in training the mixture weighs the answers.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from doctorsun.core.errors import RecordError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import SPLITS
from doctorsun.data.rows import RANK, Job, rank, read_job, weight, without_language
from doctorsun.data.shelf import Shelf
from doctorsun.data.storing import whole_file
from doctorsun.data.workers import Workers
from doctorsun.language.answers import form, label, question_key
from doctorsun.language.questions import QuestionConfig, samples_of

YES_NO = ("yes", "no")
# How far above chance the most frequent answer to a question may be right, where answers are measured. Of a
# few options a guesser takes the most frequent one, so these must be evener.
SLACK = {"what": 0.04, "choice": 0.02}


@dataclass(frozen=True, slots=True)
class Asked:
    """Closed questions [n]: where each counts, what its answer says (places in the names), and its rank."""

    cells: tuple[str, ...]
    answers: tuple[str, ...]
    cell: NDArray[np.int32]
    said: NDArray[np.int32]
    ranks: NDArray[np.uint64]


def balanced(jobs: Sequence[Job], crew: Workers, shelf: Shelf) -> list[Job]:
    """The same jobs, each knowing the questions that are left out."""
    found: list[Asked] = []
    for done, file in enumerate(crew.map(ask_job, jobs, weigh=weight), start=1):
        found.append(_read(shelf.use(file)))
        reporter().step("data.step_balance", done, len(jobs))
    cells, answers = (
        _numbers(names) for names in zip(*((one.cells, one.answers) for one in found), strict=True)
    )
    cell = _joined([np.array([cells[name] for name in one.cells], np.int32)[one.cell] for one in found])
    said = _joined([np.array([answers[name] for name in one.answers], np.int32)[one.said] for one in found])
    ranks = np.concatenate([np.empty(0, np.uint64), *(each.ranks for each in found)])
    ends = np.cumsum([0, *(len(each.said) for each in found)]).tolist()
    out = _surplus(cell, said, ranks, forms=[_form(name) for name in cells])
    return [
        replace(job, left_out=np.sort(ranks[first:last][out[first:last]]).astype(RANK).tobytes())
        for job, first, last in zip(jobs, ends, ends[1:], strict=False)
    ]


def ask_job(job: Job) -> Path:
    """The file that holds the closed questions of a job, found or made."""
    path = job.folder / f"{job.key}-asked.parquet"
    if not path.is_file():
        rows = list(_asked(job))
        table = pa.table(
            {
                "cell": pa.array([cell for cell, _, _ in rows], pa.string()).dictionary_encode(),
                "said": pa.array([said for _, said, _ in rows], pa.string()).dictionary_encode(),
                "rank": pa.array([place for _, _, place in rows], pa.uint64()),
            }
        )
        with whole_file(path) as aside:
            pq.write_table(table, aside)
    return path


def _asked(job: Job) -> Iterator[tuple[str, str, int]]:
    """The questions of a job in one language: the other one says the same.

    Files that shall only test a model are measured whole, however few their answers are.
    """
    measured = {split: split != "train" and job.official for split in SPLITS}
    configs = {split: _closed_alone(job.questions, measured=measured[split]) for split in SPLITS}
    for checked, split in read_job(job, pictures=False):
        if not checked.record.facts:
            continue
        try:
            samples = samples_of(
                checked.record,
                job.card,
                split=split,
                seed=job.seed,
                langs=job.langs[:1],
                config=configs[split],
            )
        except RecordError:
            continue
        for sample in samples:
            key, said, how = question_key(sample), label(sample), form(sample)
            if key and said and (how == "yesno" or (how and measured[split])):
                yield json.dumps([split, key]), said, rank(without_language(sample.id))


def _closed_alone(config: QuestionConfig, *, measured: bool) -> QuestionConfig:
    """Where questions are not drawn by lot, the others need not be made."""
    if config.per_record:
        return config
    forms = {
        name: tuple(each for each in known if measured or each == "yesno")
        for name, known in config.forms.items()
    }
    nothing = {"boxes": False, "open": 0, "captions": 0, "findings": 0, "reports": 0}
    return config.model_copy(update={"forms": forms, **nothing})


def _form(cell: str) -> str:
    return str(json.loads(cell)[1]).rpartition("/")[2]


def _numbers(names: Sequence[Sequence[str]]) -> dict[str, int]:
    """A number for each name, in the order in which they come."""
    numbers: dict[str, int] = {}
    for name in (name for some in names for name in some):
        numbers.setdefault(name, len(numbers))
    return numbers


def _joined(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.empty(0, np.int32), *parts])


def _read(file: Path) -> Asked:
    table = pq.read_table(file)
    cell, said = (_encoded(table[name]) for name in ("cell", "said"))
    return Asked(
        tuple(cell.dictionary.to_pylist()),
        tuple(said.dictionary.to_pylist()),
        cell.indices.to_numpy(),
        said.indices.to_numpy(),
        table["rank"].to_numpy(),
    )


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _surplus(
    cell: NDArray[np.int32], said: NDArray[np.int32], ranks: NDArray[np.uint64], *, forms: Sequence[str]
) -> NDArray[np.bool_]:
    """Which questions are more than their answer may have, those of the highest rank."""
    if not len(cell):
        return np.empty(0, np.bool_)
    order = np.lexsort((ranks, said, cell))
    lots, of_lot, sizes = np.unique(
        np.stack([cell[order], said[order]]), axis=1, return_inverse=True, return_counts=True
    )
    kept = np.zeros(len(sizes), np.int64)
    starts = np.searchsorted(lots[0], np.arange(len(forms) + 1))
    for number, (first, last) in enumerate(zip(starts, starts[1:], strict=False)):
        own = sizes[first:last]
        if forms[number] == "yesno":
            kept[first:last] = own.min() if len(own) == len(YES_NO) else 0
        else:
            kept[first:last] = most(own.tolist(), slack=SLACK[forms[number]])
    place = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[of_lot.ravel()]
    out = np.empty(len(order), np.bool_)
    out[order] = place >= kept[of_lot.ravel()]
    return out


def most(sizes: Sequence[int], *, slack: float) -> int:
    """The most questions an answer may have, so that none is right more than chance + `slack` of the time.

    Chance is one over the number of answers that are there; the rarer answers keep all their questions. Where
    the answer is always the same there is nothing to measure, and none is asked.
    """
    if len(sizes) <= 1:
        return 0
    limit = 1 / len(sizes) + slack
    low, high = min(sizes, default=0), max(sizes, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= limit * sum(min(size, middle) for size in sizes):
            low = middle
        else:
            high = middle - 1
    return low
