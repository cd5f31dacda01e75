"""Where a stage computes and in which precision, and the settings that make its bits repeatable."""

import ctypes
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from accelerate import PartialState
from torch import nn

from doctorsun.train.compiled import compile_layers
from doctorsun.train.recipe import StageConfig
from doctorsun.train.recompute import recompute
from doctorsun.train.rounded import lower_weights

_CLEARLY, _TRIES = 1.2, 12
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as in glibc's malloc.h


class Compute:
    """Device (as Accelerate finds it) and precision of one stage: float32 weights, bf16 products if chosen.

    The precision is PyTorch's own autocast, because an Accelerator holds one precision for the whole process.
    """

    def __init__(self, stage: StageConfig) -> None:
        self._stage = stage
        self.bf16 = settled(stage).precision == "bf16" or stage.weights != "fp32"
        self.device: torch.device = PartialState().device

    def take(self, model: nn.Module) -> None:
        """Bring a model to the device and make it what the stage asks: weights, checkpointing, compiling."""
        if self._stage.weights != "fp32":
            lower_weights(model)
        model.to(self.device)
        recompute(model, self._stage.checkpointing)
        if self._stage.compile:
            compile_layers(model)

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products read."""
        return torch.bfloat16 if self.bf16 else torch.float32

    def autocast(self) -> torch.autocast:
        """The context in which losses are computed."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def settled(stage: StageConfig) -> StageConfig:
    """The stage with the precision that "auto" means on this machine."""
    if stage.precision != "auto":
        return stage
    return stage.model_copy(update={"precision": "bf16" if has_fast_bf16() else "fp32"})


@cache
def has_fast_bf16() -> bool:
    """Whether bf16 products are quicker than float32 ones here, as measured: a processor's flags do not tell.

    Some processors have the instructions and are half as quick with them as with float32.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return _product_s(torch.bfloat16) * _CLEARLY < _product_s(torch.float32)


def _product_s(dtype: torch.dtype) -> float:
    """The least seconds that a product of two matrices took in some tries."""
    left, right = torch.ones(1024, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
    seconds = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started)
    return min(seconds)


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
    keep_freed_memory()
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Tell glibc to keep what a step frees for the next one; elsewhere nothing is done.

    Left alone it gives every large tensor back to the system and asks for it again, page by page: a third of
    a step where pictures are large (docs/experiments.md).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for option, size in ((_MMAP_THRESHOLD, 32 * 2**20), (_TRIM_THRESHOLD, 2**31 - 1)):
        library.mallopt(option, size)
