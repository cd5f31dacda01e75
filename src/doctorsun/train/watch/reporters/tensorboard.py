"""TensorBoard: event files in the run's folder, written anew from `metrics.jsonl` by every process.

So there is neither a gap nor a point twice, whatever ended the process before.
"""

import shutil
from collections.abc import Mapping

from doctorsun.train.watch.trackers import Tracked, library


class TensorBoard:
    """Scalars named STAGE/FIGURE."""

    keeps = False

    def __init__(self, told: Tracked) -> None:
        library("tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(told.folder, ignore_errors=True)
        self._writer = SummaryWriter(str(told.folder), flush_secs=10)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Write the figures of one step."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def sample(self, name: str, text: str, step: int) -> None:
        """Write an answer as text."""
        self._writer.add_text(name, text, step)

    def close(self) -> None:
        """Flush, and end."""
        self._writer.close()


def open_tracker(told: Tracked) -> TensorBoard:
    """The event files of a run."""
    return TensorBoard(told)
