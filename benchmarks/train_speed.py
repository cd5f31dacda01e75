"""Tokens per second and peak memory of the instruct stage beside transformers' Trainer and TRL's SFTTrainer.

All train one model on one list of invented samples for one epoch, each in a process of its own, in turns:
with the encoder frozen (ours once with an empty and once with a full cache of features), and with LoRA on it.
Tokens are the samples' own, pictures expanded, padding left out; TRL tells how many it counted itself. Ours
count decoding, and computing and writing of features. Before that, the gradients of one batch must agree
(float32, relative error below 1e-5 for each tensor). What is done stands in `--place`: a killed run goes on
there. Last line: one JSON object. `--profile` adds where the time of our steps goes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from speed_runs import FULL, SMALL, TUNED, WORK, make_recipe, prepare

from doctorsun.train.device import has_fast_bf16

RUNS = {"frozen": ("hf", "ours", "kept", "trl"), "lora": ("hf", "ours", "trl")}


def worker(arguments: argparse.Namespace) -> None:
    """One piece of work in this process; its figures are the last line."""
    model, place = SMALL if arguments.quick else FULL, arguments.place
    if arguments.worker == "prepare":
        prepare(place, model, pictures=arguments.pictures, questions=arguments.questions)
        print("{}")
        return
    recipe = make_recipe(
        place,
        model,
        precision=arguments.precision,
        tune=arguments.tune,
        threads=arguments.threads,
    )
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    print(json.dumps(WORK[arguments.worker](recipe, place, clock)))


class Progress:
    """What was measured so far, in a file that a killed run goes on from; other settings begin anew."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        names = ("quick", "questions", "pictures", "threads", "clock")
        self.settings = {name: getattr(arguments, name) for name in names}
        self._path: Path = arguments.place / "parts.json"
        found = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}
        self.done: dict[str, dict[str, Any]] = found.get("done", {})
        if found.get("settings") != self.settings:
            if not found and arguments.place.is_dir() and any(arguments.place.iterdir()):
                raise SystemExit(f"{arguments.place} holds something else; name another folder with --place")
            shutil.rmtree(arguments.place, ignore_errors=True)
            arguments.place.mkdir(parents=True)
            self.done = {}

    def ask(
        self, who: str, *, tune: str = "frozen", precision: str = "fp32", turn: int = 0
    ) -> dict[str, Any]:
        """What a worker told. This process stays small: a child's peak memory begins at its parent's."""
        name = f"{tune}/{who}/{precision}/{turn}"
        if name not in self.done:
            command = [sys.executable, __file__, "--worker", who, "--precision", precision, "--tune", tune]
            for key in ("questions", "clock", "pictures", "threads", "place"):
                command += [f"--{key}", str(getattr(self._arguments, key))]
            command += ["--quick"] if self._arguments.quick else []
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            self.done[name] = json.loads(done.stdout.splitlines()[-1])
            text = json.dumps({"settings": self.settings, "done": self.done}, indent=1)
            self._path.write_text(text, encoding="utf-8")
            figures = {k: v for k, v in self.done[name].items() if isinstance(v, int | float)}
            print(name, " ".join(f"{k}={v:.4g}" for k, v in figures.items()), flush=True)
        return self.done[name]


def measure(progress: Progress, tunes: list[str], turns: int) -> dict[str, dict[str, float]]:
    """The median figures of each kind of run, which take turns."""
    found: dict[str, list[dict[str, Any]]] = {}
    for turn in range(turns):
        for tune in tunes:
            for precision in ("fp32", "bf16"):
                for who in RUNS[tune]:
                    taken = progress.ask(who, tune=tune, precision=precision, turn=turn)
                    found.setdefault(f"{tune}_{who}_{precision}", []).append(taken)
    return {
        kind: {figure: round(median(one[figure] for one in taken), 4) for figure in taken[0]}
        for kind, taken in found.items()
    }


def ratios(found: dict[str, dict[str, float]], tunes: list[str], auto: str) -> dict[str, float]:
    """Ours through theirs, at equal precision, and at the precision that ours chooses here by itself."""
    told = {}
    for tune in tunes:
        for mine in RUNS[tune]:
            if mine not in ("ours", "kept"):
                continue
            epoch = {"ours": "one_epoch", "kept": "later_epochs"}[mine] if tune == "frozen" else "one_epoch"
            for peer in ("hf", "trl"):
                for precision in ("fp32", "bf16"):
                    other = found[f"{tune}_{peer}_{precision}"]
                    for kind, chosen in (("", precision), ("_auto", auto)):
                        own = found[f"{tune}_{mine}_{chosen}"]
                        name = f"{tune}_{epoch}{kind}_vs_{peer}_{precision}"
                        told[name] = round(own["tokens_per_s"] / other["tokens_per_s"], 3)
                        told[f"{tune}_{epoch}_memory{kind}_vs_{peer}_{precision}"] = round(
                            other["peak_gib"] / own["peak_gib"], 3
                        )
    return told


def compare(arguments: argparse.Namespace) -> None:
    """Gradients first, then the runs in turns, then the ratios."""
    progress = Progress(arguments)
    tunes = [arguments.tune] if arguments.tune else sorted(RUNS)
    progress.ask("prepare")
    errors = {tune: progress.ask("gradients", tune=tune)["error"] for tune in tunes}
    if max(errors.values()) >= 1e-5:
        raise SystemExit(f"the gradients differ ({errors}): no ratio counts")
    found = measure(progress, tunes, 1 if arguments.quick else arguments.runs)
    auto = "bf16" if has_fast_bf16() else "fp32"
    result: dict[str, object] = {
        "settings": progress.settings,
        "gradient_errors": errors,
        "auto_precision": auto,
        **ratios(found, tunes, auto),
        "medians": found,
    }
    if arguments.profile:
        result["profile"] = {tune: progress.ask("profile", tune=tune) for tune in tunes}
    print(json.dumps(result))


def main() -> None:
    """Compare, or be one of the runs compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small model, one run of each")
    parser.add_argument("--tune", choices=sorted(TUNED), help="only this one: encoder frozen, or LoRA on it")
    parser.add_argument("--questions", type=int, default=3, help="questions a picture")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="wall", help="cpu on a busy machine")
    parser.add_argument("--profile", action="store_true", help="where the time of our steps goes")
    parser.add_argument("--place", type=Path, help="the folder of what is done so far")
    parser.add_argument("--worker", choices=[*WORK, "prepare"], help=argparse.SUPPRESS)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.place is None:
        kind = "quick" if arguments.quick else "full"
        arguments.place = Path(tempfile.gettempdir()) / f"sun-train-speed-{kind}"
    if arguments.worker:
        worker(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
