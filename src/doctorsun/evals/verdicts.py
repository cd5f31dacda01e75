"""What is shown and what is not: for every question key and language, the model beside what is simpler.

`shown` means that the lower 95 % bound of balanced accuracy lies above chance, and the lower bound of its
paired difference to another picture above zero, over at least ten groups: below that an interval says little.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from doctorsun.evals.marks import BALANCED
from doctorsun.evals.metrics import Result

QUESTIONS = "questions.json"
_GAP = f"image_reliance_{BALANCED}"
_FEWEST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """One slice (`question=KEY` or `source=NAME`) in one language; what was not measured is null."""

    task: str
    split: str
    slice: str
    lang: str
    n: int
    groups: int
    balanced: Result
    chance: float
    accuracy: Result | None
    majority: Result | None
    shuffled: Result | None
    gap: Result | None
    knn: Result | None
    head: Result | None
    above_head: Result | None
    unreadable: Result | None
    shown: bool


def verdicts(results: Iterable[Result]) -> list[Verdict]:
    """A verdict for every question key and source in each language, in the order of the results."""
    found: dict[tuple[str, str, str, str], dict[tuple[str, str], Result]] = defaultdict(dict)
    for one in results:
        own_slice = one.slice.startswith("question=") or (
            one.slice.startswith("source=") and "," not in one.slice
        )
        if own_slice and one.lang != "all":
            found[one.task, one.split, one.slice, one.lang][one.metric, one.condition] = one
    judged = [_verdict(place, figures) for place, figures in found.items()]
    return [one for one in judged if one is not None]


def verdicts_json(found: Sequence[Verdict]) -> str:
    """The text of `questions.json`."""
    return "[\n" + ",\n".join(json.dumps(asdict(one), ensure_ascii=False) for one in found) + "\n]\n"


def _verdict(place: tuple[str, str, str, str], figures: dict[tuple[str, str], Result]) -> Verdict | None:
    balanced, chance = figures.get((BALANCED, "image")), figures.get((f"chance_{BALANCED}", "none"))
    if balanced is None or chance is None:
        return None
    gap = figures.get((_GAP, "shuffled"))
    task, split, part, lang = place
    return Verdict(
        task=task,
        split=split,
        slice=part,
        lang=lang,
        n=balanced.n,
        groups=balanced.groups,
        balanced=balanced,
        chance=chance.value,
        accuracy=figures.get(("closed_accuracy", "image")),
        majority=figures.get(("majority_accuracy", "none")),
        shuffled=figures.get((BALANCED, "shuffled")),
        gap=gap,
        knn=figures.get((f"knn_{BALANCED}", "image")),
        head=figures.get((f"head_{BALANCED}", "image")),
        above_head=figures.get((f"above_head_{BALANCED}", "image")),
        unreadable=figures.get(("unreadable", "image")),
        shown=_above(balanced, chance.value) and gap is not None and _above(gap, 0.0),
    )


def _above(result: Result, bound: float) -> bool:
    return result.groups >= _FEWEST_GROUPS and result.low is not None and result.low > bound
