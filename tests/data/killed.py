"""A build in a process of its own that kills itself at its n-th touch of the folder it writes to.

`python -m tests.data.killed RECIPE N`: 0 never kills, and prints how many touches there were.
"""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree")


def tree(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def start(recipe: Path, at: int) -> subprocess.Popen[str]:
    """The process that builds the recipe (DataConfig as JSON) and kills itself at touch `at`."""
    words = [sys.executable, "-m", "tests.data.killed", str(recipe), str(at)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def touches(recipe: Path) -> int:
    """How many touches a whole build makes."""
    found, _ = start(recipe, 0).communicate()
    return int(found)


def main() -> None:
    """Build, count, and perhaps end by SIGKILL."""
    from doctorsun.data.build import build
    from doctorsun.data.config import DataConfig
    from doctorsun.data.workers import local

    # Several workers shall work, however little there is to do.
    local.ALONE_BYTES = 0
    config = DataConfig.model_validate_json(Path(sys.argv[1]).read_text())
    place, left, seen = os.fspath(config.place.parent), int(sys.argv[2]), 0

    def listen(event: str, values: tuple[object, ...]) -> None:
        nonlocal seen
        if event in TOUCHES and str(values[0]).startswith(place):
            seen += 1
            if seen == left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)
    build(config)
    sys.stdout.write(str(seen))


if __name__ == "__main__":
    main()
