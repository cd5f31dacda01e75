"""How near the memory estimate comes to what a step takes, for models of 1 to 100 million weights on a CPU.

Each case runs in a process of its own: the steps of a dry run (the longest twice, a middling one between) on
an invented data set. Two measures: what PyTorch's allocator gave out at the highest point (tensors; what
`torch.cuda.max_memory_allocated` is on a GPU), and how far the process grew beyond what it was before the
model was loaded, which also holds oneDNN's buffers, freed pages that are kept, and libraries that are loaded
late. The estimate is of tensors. The last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from doctorsun.core.config import validate
from doctorsun.train.recipe import Recipe

SIZES = {
    "1M": ((64, 3, 2, 256), (96, 3, 4, 256, 2000)),
    "10M": ((192, 6, 3, 768), (256, 6, 8, 688, 6000)),
    "40M": ((256, 8, 4, 1024), (512, 8, 8, 1408, 16000)),
    "100M": ((384, 12, 6, 1536), (640, 12, 10, 1792, 32000)),
}
FULL: dict[str, Any] = {"mode": "full", "lr": 1e-4}
LORA: dict[str, Any] = {"mode": "lora", "lr": 1e-4, "rank": 16, "alpha": 16}
TUNED: dict[str, dict[str, Any]] = {
    "text": {"kind": "medical-llm", "language": FULL, "supervise": "all"},
    "align": {"kind": "align", "projector": FULL},
    "frozen": {"kind": "instruct", "projector": FULL, "language": FULL},
    "hybrid": {"kind": "instruct", "vision": LORA, "projector": FULL, "language": FULL},
    "lora": {"kind": "instruct", "vision": LORA, "projector": FULL, "language": LORA},
    "recomputed": {
        "kind": "instruct",
        "vision": LORA,
        "projector": FULL,
        "language": FULL,
        "checkpointing": ["vision", "language"],
    },
    "rounded": {
        "kind": "instruct",
        "vision": LORA,
        "projector": FULL,
        "language": FULL,
        "weights": "bf16_stochastic",
    },
    "passes": {"kind": "instruct", "projector": FULL, "language": FULL, "rows": 4, "micro_rows": 1},
}
CASES = [
    *(("10M", tuned, "fp32") for tuned in TUNED if tuned != "rounded"),
    *(("10M", tuned, "bf16") for tuned in ("frozen", "hybrid", "lora", "rounded")),
    ("1M", "hybrid", "fp32"),
    ("40M", "hybrid", "fp32"),
    ("40M", "frozen", "bf16"),
    ("100M", "hybrid", "fp32"),
    ("100M", "rounded", "bf16"),
]
QUICK = [("1M", "frozen", "fp32"), ("1M", "hybrid", "bf16")]


def recipe_of(place: Path, size: str, tuned: str, precision: str) -> Recipe:
    """One stage on the invented data."""
    eyes, words = SIZES[size]
    vision = dict(zip(("width", "layers", "heads", "mlp"), eyes, strict=True))
    language = dict(zip(("width", "layers", "heads", "mlp", "vocabulary"), words, strict=True))
    language |= {"kv_heads": words[2], "context": 1024}
    stage = {"rows": 2, "micro_rows": 2, "row_tokens": 512, "epochs": 1, "precision": precision}
    stage |= {"mixture": {"balance": False, "general": None}} | TUNED[tuned]
    tree = {
        "name": "estimate",
        "threads": 1,
        "data": {"name": "noise", "out": str(place / "data")},
        "model": {"vision": {**vision, "image_px": 112, "patch_px": 14}, "language": language},
        "stages": [stage],
    }
    return validate(Recipe, tree, where="benchmark")


def worker(place: Path, size: str, tuned: str, precision: str) -> None:
    """One case: bytes as estimated, as allocated, and as grown, in one JSON line."""
    from doctorsun.train.estimate.meter import highest_resident, resident
    from doctorsun.train.estimate.rehearse import rehearse

    with tempfile.TemporaryDirectory(dir=place) as folder:
        (found,) = rehearse(recipe_of(place, size, tuned, precision), Path(folder))
    figures = {
        "estimated": found.plan.memory.total,
        "allocated": found.measured,
        "grown": highest_resident() - found.plan.overhead,
        "resident": resident(),
        "at": found.plan.memory.at,
        "weights": found.plan.memory.stored,
    }
    print(json.dumps(figures))


def compare(cases: list[tuple[str, str, str]]) -> dict[str, object]:
    """Every case in turn."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.speed_runs import invent  # the same invented samples as the benchmark of speed

    errors, rows = [], []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        invent(place / "data", pictures=24, questions=3, words=400)
        for size, tuned, precision in cases:
            command = [sys.executable, __file__, "--worker", size, tuned, precision, "--place", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            error = found["estimated"] / found["allocated"] - 1
            grown = found["estimated"] / found["grown"] - 1
            errors.append(abs(error))
            rows.append({"case": f"{size} {tuned} {precision}", "error": round(error, 4)})
            mib = {key: round(found[key] / 2**20, 1) for key in ("estimated", "allocated", "grown")}
            print(f"{size:>5} {tuned:<10} {precision}: {mib} {error:+.1%} (process {grown:+.1%})", flush=True)
    within = sum(error <= 0.1 for error in errors)
    return {
        "worst_error": round(max(errors), 4),
        "within_10_percent": within,
        "of": len(errors),
        "cases": rows,
    }


def main() -> None:
    """Compare, or be one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cases of the smallest model")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.place, *arguments.worker)
    else:
        print(json.dumps(compare(QUICK if arguments.quick else CASES)))


if __name__ == "__main__":
    main()
