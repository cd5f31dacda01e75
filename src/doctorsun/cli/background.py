"""A training that goes on when the terminal is closed, and the gentle way to stop one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from doctorsun.core.errors import StorageError
from doctorsun.core.files import storage_errors
from doctorsun.train.watch.status import read_status

LOG = "train.log"
PATIENCE_S = 600.0
_START = "from doctorsun.cli.main import main; raise SystemExit(main())"


def start(words: Sequence[str], folder: Path) -> tuple[int, Path]:
    """Start `sun WORDS` apart from this terminal; its process, and the log it writes in the run's folder."""
    log = folder / LOG
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            command = [sys.executable, "-c", _START, *words]
            process = subprocess.Popen(
                command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
    return process.pid, log


def stop(folder: Path, *, patience_s: float = PATIENCE_S) -> tuple[str, int | None, int | None]:
    """Ask the process of a run to save and stop, and wait for it: its state, step and number of steps.

    StorageError where no run is alive, or its process is on another machine.
    """
    told = read_status(folder)
    if told is None or told.state != "running":
        state = told.state if told else "-"
        raise StorageError("cli.not_running", where=folder, found=state)
    if told.host != socket.gethostname():
        raise StorageError("cli.other_host", where=folder, host=told.host, pid=told.pid)
    os.kill(told.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while told.state == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
        told = read_status(folder) or told
    return told.state, told.figures.get("step"), told.figures.get("total")
