"""Where a stage computes and in which precision, and the settings that make its bits repeatable."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import PartialState

from doctorsun.train.recipe import StageConfig

_CPU_INFO = Path("/proc/cpuinfo")


class Compute:
    """Device (as Accelerate finds it) and precision of one stage: float32 weights, bf16 products if chosen.

    The precision is PyTorch's own autocast, because an Accelerator holds one precision for the whole process.
    """

    def __init__(self, stage: StageConfig) -> None:
        wanted = stage.precision
        self.bf16 = wanted == "bf16" or (wanted == "auto" and has_fast_bf16())
        self.device: torch.device = PartialState().device

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products read."""
        return torch.bfloat16 if self.bf16 else torch.float32

    def autocast(self) -> torch.autocast:
        """The context in which losses are computed."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def has_fast_bf16() -> bool:
    """Whether bf16 products are quicker than float32 ones here: a GPU that has them, AVX512-bf16 or AMX."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    text = _CPU_INFO.read_text(encoding="utf-8") if _CPU_INFO.is_file() else ""
    return "avx512_bf16" in text or "amx_bf16" in text


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """While open: `threads` threads and deterministic algorithms, so that equal inputs give equal bits.

    A GPU gives equal bits only where CUBLAS_WORKSPACE_CONFIG=:4096:8 is set; without it PyTorch warns.
    PyTorch would also fill memory that nothing reads, which takes a twentieth of a step; it is told not to.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
