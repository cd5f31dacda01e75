"""`status.json`: how far a run is and which process drives it; its age is the heartbeat.

A process that is gone without a word (kill -9, a power cut) leaves "running" behind: who reads it sees by the
process, or on another machine by the age of the file, that the run is dead.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from doctorsun.core.errors import StorageError, TrainError
from doctorsun.core.files import write_soon

NAME = "status.json"
BEAT_S, STALE_S = 15.0, 60.0
_WRITE_S = 2.0
State = Literal["running", "stopped", "finished", "failed", "dead"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a run's status says, and what is true of it now; `figures` are step, total, loss, eta_s, …"""

    state: State
    pid: int
    host: str
    figures: dict[str, Any]


class Status:
    """The status of the run in `out`, written by its main process alone; a full disk does not stop it."""

    def __init__(self, out: Path) -> None:
        self._path = out / NAME
        self._tree: dict[str, Any] = {}
        self._written = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """While open the heart beats; TrainError if another living process drives this run."""
        self._refuse_another()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._tree = {"state": "running", **_me(), "began": now}
        self._put()
        ended = threading.Event()
        heart = threading.Thread(target=self._beat, args=(ended,), name="status", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()

    def tell(self, **figures: object) -> None:
        """Say how far it is; written at most every two seconds."""
        self._tree |= figures
        if time.monotonic() - self._written >= _WRITE_S:
            self._put()

    def end(self, state: State) -> None:
        """Say how it ended."""
        self._tree["state"] = state
        self._tree.pop("eta_s", None)
        self._put()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(BEAT_S):
            with suppress(OSError), self._lock:
                os.utime(self._path)

    def _put(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError, StorageError), self._lock:
            write_soon(self._path, json.dumps(self._tree, ensure_ascii=False) + "\n")

    def _refuse_another(self) -> None:
        told = read_status(self._path.parent)
        if told is None or told.state != "running" or told.pid == os.getpid():
            return
        if told.host != socket.gethostname() and not _beats(self._path):
            return
        raise TrainError("train.already_running", where=self._path.parent, pid=told.pid, host=told.host)


def read_status(out: Path) -> Told | None:
    """The status of a run; null where there is none. "running" without its process is "dead"."""
    path = out / NAME
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        age_s = time.time() - path.stat().st_mtime
    except (OSError, ValueError):
        return None
    figures = {key: tree[key] for key in tree if key not in {"state", "pid", "host", "born"}}
    state: State = tree["state"]
    if state == "running":
        here = tree["host"] == socket.gethostname()
        alive = _lives(tree["pid"], tree["born"]) if here else age_s < STALE_S
        state = "running" if alive else "dead"
    return Told(state, tree["pid"], tree["host"], figures)


def _me() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "born": _born(os.getpid())}


def _lives(pid: int, born: int | None) -> bool:
    """Whether the process is there and is the one that was meant: numbers are given again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _born(pid) == born


def _born(pid: int) -> int | None:
    """When a process began, in ticks since the machine did (proc(5), field 22); null where it is not told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])


def _beats(path: Path) -> bool:
    """Whether another machine still touches the file; clocks may differ, so it is waited for."""
    before = path.stat().st_mtime
    deadline = time.monotonic() + 2 * BEAT_S
    while time.monotonic() < deadline:
        time.sleep(1.0)
        if path.stat().st_mtime != before:
            return True
    return False
