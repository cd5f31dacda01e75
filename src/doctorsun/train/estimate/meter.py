"""The highest memory of tensors while something runs: what PyTorch's allocators gave, less what came back.

On a GPU CUDA's allocator counts. On a processor PyTorch's profiler hears of every allocation: the sum is that
of tensors and of buffers that its kernels ask PyTorch for, without what a library takes by itself.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.profiler import ProfilerActivity, profile


@contextmanager
def peak_above(*, device: torch.device) -> Iterator[SimpleNamespace]:
    """Yields an object whose `bytes` are, once closed, the highest sum above what there was at the start."""
    found = SimpleNamespace(bytes=0)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        found.bytes = torch.cuda.max_memory_allocated(device) - before
        return
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as heard:
        yield found
    found.bytes = _highest(heard)


def resident() -> int:
    """The bytes of this process that are in memory; the highest so far where the system tells no more."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return highest_resident()


def highest_resident() -> int:
    """The most bytes of this process that were in memory at a time."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 2**10


def _highest(heard: profile) -> int:
    """The highest running sum of all allocations and releases, in the order of time."""
    assert heard.profiler is not None and heard.profiler.kineto_results is not None
    events = [event for event in heard.profiler.kineto_results.events() if event.name() == "[memory]"]
    total = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        total += event.nbytes()  # type: ignore[attr-defined]  # torch's own stub lacks it
        highest = max(highest, total)
    return highest
