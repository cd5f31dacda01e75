"""What `cli/` hands to a run, because `train/` may not import the rooms that hold it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from doctorsun.core.chat import Chat
from doctorsun.core.schema import Sample
from doctorsun.model.parts import Parts


class Scorer(Protocol):
    """Scores a model by its answers; its figures go to the metrics by their names (`closed_accuracy`)."""

    def __call__(self, chat: Chat, samples: Sequence[Sample], /) -> dict[str, float]:
        """The figures over validation samples with their pictures; more is better, unless it is a loss."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """`chat` makes the model at hand answer; `scorer` scores it; `online` lets trackers reach servers."""

    chat: Callable[[Parts], Chat] | None = None
    scorer: Scorer | None = None
    online: bool = False
