"""How long `sun --help` takes beside `python -c pass`, both in a fresh process; last, one JSON object."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

SUN = Path(sys.executable).with_name("sun")
COMMANDS = {"help": [str(SUN), "--help"], "python": [sys.executable, "-c", "pass"]}


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Interleave the two commands and print their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three runs instead of fifteen")
    runs = 3 if parser.parse_args().quick else 15
    for command in COMMANDS.values():
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    found = {name: median(values) for name, values in times.items()}
    for name, value in found.items():
        print(f"{name:<8} {value:.3f} s")
    result = {"help_s": round(found["help"], 3), "runs": runs}
    result["startup_vs_python"] = round(found["python"] / found["help"], 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
