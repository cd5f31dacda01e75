"""What a training takes on this machine: real steps of every stage, in a folder that is removed again."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from doctorsun.cli.plan_table import show_advice, show_memory
from doctorsun.cli.screen import line, table
from doctorsun.train.recipe import Recipe

if TYPE_CHECKING:
    from doctorsun.train.estimate.rehearse import Rehearsed

MIB, GIB = 2**20, 2**30


def rehearse(recipe: Recipe, place: Path) -> None:
    """Take the steps beside `place`; show memory by part, estimated and measured, time, disk and advice."""
    from doctorsun.train.estimate.meter import highest_resident
    from doctorsun.train.estimate.rehearse import machine_here, rehearse

    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as name:
        folder = Path(name)
        found = list(rehearse(recipe, folder))
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    plans = [one.plan for one in found if one.plan is not None]
    show_memory(plans, machine_here())
    table("cli.table_rehearsal", [_row(one) for one in found])
    show_advice(plans)
    for one in found:
        if one.plan is None:
            line("cli.rehearsal_no_estimate", stage=one.label, kind=one.kind)
    free = shutil.disk_usage(place.parent).free // MIB
    line("cli.rehearsal_end", memory=highest_resident() // MIB, disk=disk // MIB + 1, free=free)


def _row(one: "Rehearsed") -> dict[str, object]:
    """What was measured of a stage, beside what was estimated where it can be."""
    plan = one.plan
    estimated = None if plan is None else plan.memory.total
    return {
        "stage": one.label,
        "steps": one.steps,
        "step_s": round(one.step_s, 3),
        "minutes": round(one.steps * one.step_s / 60, 2),
        "estimated_gib": None if estimated is None else round(estimated / GIB, 3),
        "measured_gib": round(one.measured / GIB, 3),
        "error": None if estimated is None else round(100 * (estimated / one.measured - 1), 1),
        "disk_gb": None if plan is None else round(plan.disk / 1e9, 2),
        "fits": one.fits,
    }
