"""Runs a recipe in children of one process that has everything imported, and kills them on request.

python -m tests.train.nursery RECIPE OUT KILL...   where KILL is a crash point, `after=SECONDS`,
`full=BYTES` (no file may grow beyond) or `none`.
Prints one JSON list: for each child `killed`, `done`, or the message it ended with.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from doctorsun.core.config import load
from doctorsun.core.errors import DoctorSunError
from doctorsun.core.files import sha256_file
from doctorsun.train.recipe import Recipe
from doctorsun.train.run import run


def attempt(recipe: Recipe, out: Path, kill: str) -> str:
    """What became of one run in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        if kill.startswith("full="):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(kill.partition("=")[2]), resource.RLIM_INFINITY))
        elif kill != "none" and not kill.startswith("after="):
            os.environ["SUN_CRASH_AT"] = kill
        try:
            run(recipe, out)
        except DoctorSunError as error:
            os.write(writing, str(error).encode())
            os._exit(2)
        os._exit(0)
    os.close(writing)
    if kill.startswith("after="):
        time.sleep(float(kill.partition("=")[2]))
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
    return said if os.WEXITSTATUS(status) == 2 else "done" if os.WEXITSTATUS(status) == 0 else "failed"


def attempts(recipe: Path, out: Path, kills: list[str]) -> list[str]:
    """What became of several runs, one after the other, in the same folder."""
    command = [sys.executable, "-m", "tests.train.nursery", str(recipe), str(out), *kills]
    env = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def fingerprint(out: Path) -> dict[str, str]:
    """The SHA-256 of every weight and metric of a run, and of the list of its files."""
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    kept = [path for path in files if path.suffix == ".safetensors" or path.name == "metrics.jsonl"]
    listing = "\n".join(str(path) for path in files)
    sums = {str(path): sha256_file(out / path) for path in kept}
    return sums | {"files": sha256(listing.encode()).hexdigest()}


def main(arguments: list[str]) -> None:
    recipe, out, *kills = arguments
    typed = load(Recipe, recipe)
    sys.stdout.write(json.dumps([attempt(typed, Path(out), kill) for kill in kills]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
