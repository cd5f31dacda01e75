"""What a training would take: two real steps of every stage in a folder that is removed again."""

import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from doctorsun.train.recipe import Recipe, StageConfig

STEPS = 2


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A row for each stage, the highest memory of this process, and the least size of the run's folder."""

    stages: list[dict[str, object]]
    memory_mib: int
    disk_mib: int


def rehearse(recipe: Recipe, place: Path) -> Rehearsal:
    """Train two steps of each stage beside `place`; steps that an epoch gives are not known before."""
    from doctorsun.train.run import run

    place.parent.mkdir(parents=True, exist_ok=True)
    short = recipe.model_copy(update={"stages": [_short(stage) for stage in recipe.stages]})
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as name:
        folder = Path(name)
        run(short, folder)
        rows = list(_rows(recipe, folder / "timings.jsonl"))
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Rehearsal(rows, peak // (2**20 if sys.platform == "darwin" else 2**10), disk // 2**20 + 1)


def _short(stage: StageConfig) -> StageConfig:
    return stage.model_copy(update={"steps": STEPS, "epochs": None, "log_every": 1, "validate_samples": 0})


def _rows(recipe: Recipe, timings: Path) -> Iterator[dict[str, object]]:
    """The seconds of each stage's last step, the first one being warm-up."""
    found = [json.loads(line) for line in timings.read_text(encoding="utf-8").splitlines()]
    for number, stage in enumerate(recipe.stages, start=1):
        seconds = [row["seconds"] for row in found if row["stage"] == number][-1]
        minutes = None if stage.steps is None else round(stage.steps * seconds / 60, 2)
        name = f"{number} {recipe.label(number)}"
        yield {"stage": name, "steps": stage.steps, "step_s": round(seconds, 3), "minutes": minutes}
