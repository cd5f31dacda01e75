"""What a training takes on this machine: real steps of every stage, in a folder that is removed again."""

import shutil
import tempfile
from pathlib import Path

from doctorsun.cli.plan_table import show_advice, show_memory
from doctorsun.cli.screen import line, table
from doctorsun.train.recipe import Recipe

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
    machine, plans = machine_here(), [one.plan for one in found]
    show_memory(plans, machine)
    rows = []
    for one in found:
        estimated = one.plan.memory.total
        rows.append(
            {
                "stage": one.plan.label,
                "steps": one.steps,
                "step_s": round(one.step_s, 3),
                "minutes": round(one.steps * one.step_s / 60, 2),
                "estimated_gib": round(estimated / GIB, 3),
                "measured_gib": round(one.measured / GIB, 3),
                "error": round(100 * (estimated / one.measured - 1), 1),
                "disk_gb": round(one.plan.disk / 1e9, 2),
                "fits": one.plan.fits,
            }
        )
    table("cli.table_rehearsal", rows)
    show_advice(plans)
    free = shutil.disk_usage(place.parent).free // MIB
    line("cli.rehearsal_end", memory=highest_resident() // MIB, disk=disk // MIB + 1, free=free)
