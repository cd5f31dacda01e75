"""Trains a recipe in worlds of processes, forked from one that has everything imported; kills on request.

python -m tests.train.worlds WORD...   where a word is a world of `N` processes, or `N@RANK:POINT` with one
killed at a crash point; `RECIPE=PATH` and `OUT=PATH` hold from there on.
Prints one JSON list: for each world what became of each process: `done`, `killed`, or its last words.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from doctorsun.core.config import load
from doctorsun.core.errors import DoctorSunError
from doctorsun.engines.local import LocalChat
from doctorsun.train.recipe import Recipe
from doctorsun.train.run import run
from doctorsun.train.watch.hands import Hands


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def live(recipe: Recipe, out: Path, writing: int) -> int:
    try:
        run(recipe, out, hands=Hands(LocalChat))
    except DoctorSunError as error:
        os.write(writing, str(error).encode())
        return error.exit_code
    return 0


def begin(recipe: Recipe, out: Path, rank: int, size: int, point: str | None) -> tuple[int, int]:
    """The process and the pipe of one rank; `torchrun` would set the same variables."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        if size > 1:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
            os.environ |= {"LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1"}
        if point:
            os.environ["SUN_CRASH_AT"] = point
        os._exit(live(recipe, out, writing))
    os.close(writing)
    return child, reading


def became(child: int, reading: int) -> str:
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
    return "done" if os.WEXITSTATUS(status) == 0 else said or f"exit {os.WEXITSTATUS(status)}"


def world(recipe: Recipe, out: Path, words: str) -> list[str]:
    """What became of each process of one world."""
    size, _, kill = words.partition("@")
    rank, _, point = kill.partition(":")
    os.environ["MASTER_PORT"] = str(free_port())
    ranks = range(int(size))
    started = [begin(recipe, out, one, len(ranks), point if rank == str(one) else None) for one in ranks]
    return [became(*one) for one in started]


def worlds(*words: str) -> list[list[str]]:
    """What became of several worlds, one after the other."""
    command = [sys.executable, "-m", "tests.train.worlds", *words]
    env = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(words: list[str]) -> None:
    recipe, out = None, Path()
    found = []
    for word in words:
        if word.startswith("RECIPE="):
            recipe = load(Recipe, word.partition("=")[2])
        elif word.startswith("OUT="):
            out = Path(word.partition("=")[2])
        else:
            assert recipe is not None
            found.append(world(recipe, out, word))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
