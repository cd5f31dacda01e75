"""What a whole slide is to the rest of the room: levels of one picture, read region by region."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Pyramid(Protocol):
    """An open slide. Sizes are (width, height) in pixels, finest level first."""

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """The size of each level."""

    @property
    def um_per_px(self) -> tuple[float, float] | None:
        """Micrometres between columns and between rows of the finest level, null where it is not told."""

    def region(self, level: int, corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """The pixels [height, width, 3] from (left, top) on, both in pixels of that level, inside it."""


# Slides are opened for each reading, so that a study of any size holds no file open.
Opening = Callable[[], AbstractContextManager[Pyramid]]
