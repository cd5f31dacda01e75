"""Runs a recipe in children of one process that has everything imported, and kills them on request.

python -m tests.train.nursery [--keep] RECIPE OUT KILL...   where KILL is a crash point, `after=SECONDS`,
`full=BYTES` (no file may grow beyond), `SIGNAL@LINES` (sent when the metrics have so many lines;
`SIGINT+SIGINT` sends two) or `none`.
Prints one JSON list: for each child `killed`, `done`, or the message it ended with, the exit code before it
unless that is 2.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from doctorsun.core.chat import Chat, Request
from doctorsun.core.config import load
from doctorsun.core.errors import DoctorSunError
from doctorsun.core.files import sha256_file
from doctorsun.core.schema import Sample
from doctorsun.engines.local import LocalChat
from doctorsun.train import run as stages
from doctorsun.train.recipe import Recipe
from doctorsun.train.run import run
from doctorsun.train.watch.hands import Hands

FIGURES = {"metrics.jsonl", "samples.jsonl"}
KEEP = "--keep"


def attempt(recipe: Recipe, out: Path, kill: str) -> str:
    """What became of one run in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        if kill.startswith("full="):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(kill.partition("=")[2]), resource.RLIM_INFINITY))
        elif kill != "none" and not kill.startswith(("after=", "SIG")):
            os.environ["SUN_CRASH_AT"] = kill
        os._exit(_live(recipe, out, writing))
    os.close(writing)
    if kill.startswith("SIG"):
        _signal(child, kill, out)
    if kill.startswith("after="):
        time.sleep(float(kill.partition("=")[2]))
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    return {0: "done", 2: said}.get(code, f"{code} {said}")


def _live(recipe: Recipe, out: Path, writing: int) -> int:
    """The exit code of a run in this process, its last words written to a pipe."""
    try:
        run(recipe, out, hands=Hands(LocalChat, closed_accuracy))
    except DoctorSunError as error:
        os.write(writing, str(error).encode())
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _signal(child: int, kill: str, out: Path) -> None:
    """Send the signals of `SIGTERM@3` or `SIGINT+SIGINT@3` as soon as there are so many metrics."""
    names, _, lines = kill.partition("@")
    metrics = out / "metrics.jsonl"
    while not metrics.is_file() or metrics.read_bytes().count(b"\n") < int(lines):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.001)
    for name in names.split("+"):
        os.kill(child, getattr(signal, name))
        time.sleep(0.002)


def closed_accuracy(chat: Chat, samples: Sequence[Sample]) -> dict[str, float]:
    """The share of closed questions that are answered as the sample is."""
    asked = [Request(s.messages[:-1], tuple(picture.bytes for picture in s.images), 8) for s in samples]
    right = [
        reply.text.strip() == s.messages[-1].text
        for reply, s in zip(chat.answer(asked), samples, strict=True)
    ]
    return {"closed_accuracy": sum(right) / len(right)}


def attempts(recipe: Path, out: Path, kills: list[str], *, keep: bool = False) -> list[str]:
    """What became of several runs, one after the other, in the same folder; `keep` leaves the checkpoints."""
    words = [*([KEEP] if keep else []), str(recipe), str(out), *kills]
    command = [sys.executable, "-m", "tests.train.nursery", *words]
    env = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def fingerprint(out: Path) -> dict[str, str]:
    """The SHA-256 of every weight and metric of a run, and of the list of its files."""
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    kept = [path for path in files if path.suffix == ".safetensors" or path.name in FIGURES]
    listing = "\n".join(str(path) for path in files)
    sums = {str(path): sha256_file(out / path) for path in kept}
    return sums | {"files": sha256(listing.encode()).hexdigest()}


def main(arguments: list[str]) -> None:
    if arguments[0] == KEEP:
        arguments = arguments[1:]
        stages.drop_checkpoints = lambda _stage: None
    recipe, out, *kills = arguments
    typed = load(Recipe, recipe)
    sys.stdout.write(json.dumps([attempt(typed, Path(out), kill) for kill in kills]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
