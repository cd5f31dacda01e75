"""What `sun plan` shows of a training: tables on a terminal, one JSON object a stage in a pipe."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from doctorsun.cli.screen import line, on_terminal, put_json, table
from doctorsun.core.strings import say

if TYPE_CHECKING:
    from doctorsun.train.estimate.machine import Machine
    from doctorsun.train.estimate.plan import StagePlan

GIB = 2**30


def show_plans(plans: Sequence["StagePlan"], machine: "Machine") -> None:
    """Memory by part, then time, cost and disk, then what to change."""
    if on_terminal():
        show_memory(plans, machine)
        table("cli.table_plan_time", [_time(plan, machine) for plan in plans])
        show_advice(plans)
    else:
        for plan in plans:
            put_json({"event": "cli.plan_stage", **_object(plan, machine)})
    words = {"devices": machine.devices, "name": machine.name, "price": machine.price}
    line("cli.plan_machine", mfu=f"{machine.mfu:.0%}", tflops=machine.tflops, **words)


def show_memory(plans: Sequence["StagePlan"], machine: "Machine") -> None:
    """What one device holds at the highest point, part by part."""
    table("cli.table_plan_memory", [row for plan in plans for row in _memory(plan, machine)])


def show_advice(plans: Sequence["StagePlan"]) -> None:
    """What to change in stages that do not fit; nothing where all fit."""
    table("cli.table_plan_advice", [row for plan in plans for row in _advice(plan)])


def _memory(plan: "StagePlan", machine: "Machine") -> Iterator[dict[str, object]]:
    sizes = {name: size for name, size in plan.memory.parts.items() if size}
    sizes |= {"overhead": plan.overhead, "total": plan.peak, "room": machine.room}
    for name, size in sizes.items():
        fits = plan.fits if name == "total" else None
        yield {"stage": plan.label, "part": say(f"cli.part_{name}"), "gib": _gib(size), "fits": fits}


def _time(plan: "StagePlan", machine: "Machine") -> dict[str, object]:
    hours = plan.hours
    return {
        "stage": plan.label,
        "steps": plan.steps,
        "step_s": round(plan.step_s, 3),
        "tokens_per_s": round(plan.tokens / plan.step_s),
        "hours": None if hours is None else f"{hours:.1f}",
        "cost": None if hours is None else f"{hours * machine.devices * machine.price:.0f}",
        "disk_gb": f"{plan.disk / 1e9:.0f}",
    }


def _advice(plan: "StagePlan") -> Iterator[dict[str, object]]:
    for one in plan.advice:
        yield {"stage": plan.label, "change": one.changes, "gib": _gib(one.memory), "fits": one.fits}


def _object(plan: "StagePlan", machine: "Machine") -> dict[str, object]:
    """All of a stage's plan, bytes as bytes."""
    hours = plan.hours
    return {
        "stage": plan.label,
        "machine": machine.name,
        "devices": machine.devices,
        "memory": {**plan.memory.parts, "overhead": plan.overhead},
        "highest_in": plan.memory.at,
        "total": plan.peak,
        "room": machine.room,
        "fits": plan.fits,
        "tokens": plan.tokens,
        "pictures": plan.pictures,
        "flops": plan.flops,
        "steps": plan.steps,
        "step_s": plan.step_s,
        "hours": hours,
        "cost": None if hours is None else hours * machine.devices * machine.price,
        "disk": plan.disk,
        "advice": [{"changes": a.changes, "memory": a.memory, "fits": a.fits} for a in plan.advice],
    }


def _gib(size: int) -> str:
    return f"{size / GIB:.2f}"
