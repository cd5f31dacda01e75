"""The machine that a plan is for: so many devices of a kind, what they reach and what they cost."""

from dataclasses import dataclass

from doctorsun.train.estimate.gpus import CONTEXT_GIB, SENDING_GIB, SPARE, TOGETHER, Accelerator

GIB = 2**30


@dataclass(frozen=True)
class Machine:
    """`devices` of one kind in `nodes` computers; `gpu` is false for a processor.

    The price is in US dollars an hour and device, or in whatever the user counts.
    """

    name: str
    devices: int
    memory_gib: float
    tflops: float
    mfu: float
    price: float
    gpu: bool = True
    nodes: int = 1

    @classmethod
    def of(cls, kind: Accelerator, *, each: int = 1, nodes: int = 1, price: float | None = None) -> "Machine":
        """`each` of one accelerator in every one of `nodes` computers."""
        devices = each * nodes
        mfu = kind.mfu * (TOGETHER if devices > 1 else 1.0)
        cost = kind.price if price is None else price
        return cls(kind.name, devices, kind.memory_gib, kind.tflops, round(mfu, 4), cost, nodes=nodes)

    @property
    def overhead(self) -> int:
        """Bytes on each device that are no tensor's."""
        return round((CONTEXT_GIB + SENDING_GIB * (self.devices > 1)) * GIB) if self.gpu else 0

    @property
    def room(self) -> int:
        """Bytes on each device that an estimate may fill."""
        return round(self.memory_gib * GIB * (1 - SPARE))
