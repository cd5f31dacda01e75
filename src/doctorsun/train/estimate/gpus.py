"""Accelerators as their makers publish them, and what is assumed of them where nobody says.

`tflops` is the peak of dense bf16 products with float32 sums; `memory_gib` what a process can have of it.
Ascend 910B is left out: its variants differ and no figure was sure.
"""

from dataclasses import dataclass

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A device. `mfu` (share of the peak reached) and `price` (US dollars an hour) are assumptions."""

    name: str
    memory_gib: float
    tflops: float
    bandwidth_gbs: float
    mfu: float
    price: float


_KNOWN = (
    Accelerator("rtx3090", 24.0, 71.0, 936, 0.50, 0.25),
    Accelerator("rtx4090", 24.0, 165.2, 1008, 0.45, 0.45),
    Accelerator("a6000", 47.5, 154.8, 768, 0.45, 0.80),
    Accelerator("l40s", 45.0, 362.0, 864, 0.35, 1.10),
    Accelerator("a100-40", 40.0, 312.0, 1555, 0.45, 1.30),
    Accelerator("a100", 79.2, 312.0, 2039, 0.45, 1.80),
    Accelerator("a800", 79.2, 312.0, 2039, 0.45, 1.60),
    Accelerator("h20", 95.6, 148.0, 4000, 0.60, 1.50),
    Accelerator("h100", 79.6, 989.4, 3350, 0.40, 2.50),
    Accelerator("h200", 140.4, 989.4, 4800, 0.42, 3.50),
)
# What a process holds on a GPU beside its tensors: context, kernels, workspaces; and for sending to others.
CONTEXT_GIB, SENDING_GIB = 0.8, 0.7
# Of a GPU's memory this share is left for what allocation cannot fill.
SPARE = 0.05
# Reached on several GPUs, as a share of what one reaches.
TOGETHER = 0.85


def accelerator(name: str) -> Accelerator:
    """The device of a name; ConfigError names the near one."""
    found = {one.name: one for one in _KNOWN}
    if name.lower() not in found:
        raise ConfigError("train.unknown_gpu", found=name, near=near(name.lower(), sorted(found)))
    return found[name.lower()]


def accelerator_names() -> list[str]:
    """The names that are known."""
    return [one.name for one in _KNOWN]
