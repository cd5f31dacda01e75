"""How fast a server is asked: so many requests a minute at most, and a pause for all when it asks for one."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class Pace:
    """The clock that all workers of one server share."""

    def __init__(
        self,
        per_minute: float | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._next_s = now()

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            turn_s = max(self._next_s, self._now())
            self._next_s = turn_s + self._gap_s
        left_s = turn_s - self._now()
        if left_s > 0:
            self._sleep(left_s)

    def hold(self, seconds: float) -> None:
        """Let no request go for so long."""
        with self._lock:
            self._next_s = max(self._next_s, self._now() + seconds)


def pause_s(attempt: int, told: float | None) -> float:
    """The pause before the attempt behind number `attempt` (from 0): what the server told, else doubling."""
    doubled = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
    return doubled if told is None else max(told, 0.0)


def retry_after_s(header: str | None) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3); null where it is none."""
    if not header:
        return None
    text = header.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
