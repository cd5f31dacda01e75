"""How fast the steps go. None of it is in `metrics.jsonl`: the same run is never equally fast twice."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Lap:
    """What went by since the last lap; `eta_s` is the wall time that is left, saving and validating in it."""

    seconds: float
    tokens_per_s: float
    samples_per_s: float
    eta_s: float
    mfu: float | None = None

    @property
    def speeds(self) -> dict[str, float]:
        """What goes into `timings.jsonl`."""
        return {
            "seconds": self.seconds,
            "tokens_per_s": round(self.tokens_per_s, 1),
            "samples_per_s": round(self.samples_per_s, 2),
            **({"mfu": round(self.mfu, 4)} if self.mfu is not None else {}),
        }

    @property
    def shown(self) -> dict[str, float]:
        """What a person sees."""
        return {
            "tokens_per_s": round(self.tokens_per_s),
            "samples_per_s": round(self.samples_per_s, 1),
            **({"mfu": round(self.mfu, 3)} if self.mfu is not None else {}),
            "eta_s": round(self.eta_s, 1),
        }


class Pace:
    """The clock over the next `total` steps; what stands between steps counts for the time left alone.

    `peak` is what all devices could compute at best, in FLOP/s; without it there is no MFU.
    """

    def __init__(self, total: int, *, peak: float | None = None, clock: Clock = time.monotonic) -> None:
        self._total = total
        self._peak = peak
        self._flops = 0.0
        self._clock = clock
        self._began = self._lap_began = clock()
        self._aside_s = 0.0
        self._steps = self._tokens = self._samples = 0

    def step(self, *, tokens: int, samples: int, flops: float = 0.0) -> None:
        """One more step is done."""
        self._steps += 1
        self._flops += flops
        self._tokens += tokens
        self._samples += samples

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block that is no training: a validation, a save."""
        began = self._clock()
        try:
            yield
        finally:
            self._aside_s += self._clock() - began

    def lap(self) -> Lap:
        """The figures since the last lap."""
        now = self._clock()
        seconds = max(now - self._lap_began - self._aside_s, 1e-9)
        a_step_s = (now - self._began) / max(1, self._steps)
        left = max(0, self._total - self._steps)
        mfu = self._flops / seconds / self._peak if self._peak and self._flops else None
        lap = Lap(seconds, self._tokens / seconds, self._samples / seconds, a_step_s * left, mfu)
        self._lap_began, self._aside_s = now, 0.0
        self._tokens = self._samples = 0
        self._flops = 0.0
        return lap
