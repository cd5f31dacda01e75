"""What a training asks of rooms that it may not import: a model that answers, and a score of its answers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from doctorsun.train.watch.hands import Hands


def hands(*, online: bool = False) -> "Hands":
    """The local engine and the strict score of closed questions; `online` lets trackers reach servers."""
    from doctorsun.engines.open import chat_with
    from doctorsun.evals.quick import closed_accuracy
    from doctorsun.train.watch.hands import Hands

    return Hands(chat_with, closed_accuracy, online=online)
