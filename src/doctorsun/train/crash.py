"""Named points at which a test may kill a run, as a power cut would: `SUN_CRASH_AT=ckpt.after_weights#2`."""

import os
import signal
from collections import Counter

_reached: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Kill this process if `SUN_CRASH_AT` is `name`, or `name#n` and this is the n-th time it is reached."""
    wanted = os.environ.get("SUN_CRASH_AT")
    if wanted is None:
        return
    _reached[name] += 1
    if wanted in {name, f"{name}#{_reached[name]}"}:
        os.kill(os.getpid(), signal.SIGKILL)
