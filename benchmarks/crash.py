"""Kills a run of four stages two hundred times, in saves and at random times; last, one JSON object.

Each victim trains the tiny recipe of the tests, is killed three times by SIGKILL (once at a named point,
twice after a random time) and goes on to its end. Every weight, the optimizer's state in the last checkpoint
of every stage, and every metric must then equal, to the bit, those of a run that nothing disturbed.
With `--out DIR` what is done is kept, and a second start goes on behind it.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.train.nursery import attempts, fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, vision_stage, write_dataset

SAVES = {
    "ckpt.after_weights": 9,
    "ckpt.after_optimizer": 9,
    "ckpt.before_rename": 9,
    "ckpt.after_rename": 9,
    "ckpt.before_drop": 8,
}
ELSEWHERE = {"step": 18, "stage.before_final": 4, "stage.after_final": 4, "run.before_model": 1}
ENOUGH, INSIDE = 200, 40


def kills(victim: int, seed: int) -> list[str]:
    """One kill at a named point, three times of four inside a save, and two after random times."""
    draw = random.Random(f"{seed} {victim}")
    points = ELSEWHERE if victim % 4 == 3 else SAVES
    point = draw.choice([*points])
    named = f"{point}#{draw.randint(1, points[point])}"
    found = [named, *(f"after={draw.uniform(0.05, 1.4):.2f}" for _ in range(2))]
    draw.shuffle(found)
    return found


def marks(out: Path) -> dict[str, str]:
    """The SHA-256 of what a run has left; of each stage's checkpoints, of the last alone."""
    for stage in out.glob("stage-*"):
        by_step = sorted(stage.glob("checkpoint-*"), key=lambda one: int(one.name.partition("-")[2]))
        for old in by_step[:-1]:
            shutil.rmtree(old)
    found = fingerprint(out)
    assert sum(name.endswith("optimizer.safetensors") for name in found) == 4
    return found


def prepared(place: Path) -> dict[str, str]:
    """The marks of the run that nothing disturbs, made where they are not known yet."""
    known = place / "whole.json"
    if not known.is_file():
        shutil.rmtree(place, ignore_errors=True)
        data = write_dataset(place / "data")
        stages = (text_stage(), vision_stage(), align_stage(), instruct_stage(validate_every=3))
        tree = recipe(data, *stages).model_dump(mode="json")
        (place / "recipe.yaml").write_text(yaml.safe_dump(tree))
        assert attempts(place / "recipe.yaml", place / "whole", ["none"], keep=True) == ["done"]
        known.write_text(json.dumps(marks(place / "whole")))
    found: dict[str, str] = json.loads(known.read_text())
    return found


def tried(place: Path, victim: int, seed: int, whole: dict[str, str]) -> dict[str, object]:
    """What became of one victim."""
    planned = kills(victim, seed)
    out = place / f"victim-{victim}"
    shutil.rmtree(out, ignore_errors=True)
    became = attempts(place / "recipe.yaml", out, [*planned, "none"], keep=True)
    row = {
        "killed": became.count("killed"),
        "inside": sum(
            one.startswith("ckpt.") and end == "killed" for one, end in zip(planned, became, strict=False)
        ),
        "different": became[-1] != "done" or marks(out) != whole,
        "became": became,
        "planned": planned,
    }
    if not row["different"]:
        shutil.rmtree(out)
    return row


def main() -> None:
    """Count victims whose bits differ; there must be none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six kills instead of two hundred")
    parser.add_argument("--kills", type=int, default=ENOUGH)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="keep what is done here")
    arguments = parser.parse_args()
    enough, inside = (6, 1) if arguments.quick else (arguments.kills, arguments.kills * INSIDE // ENOUGH)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = arguments.out or Path(name) / "crash"
        whole = prepared(place)
        told = place / "victims.jsonl"
        rows = [json.loads(line) for line in told.read_text().splitlines()] if told.is_file() else []
        while sum(row["killed"] for row in rows) < enough or sum(row["inside"] for row in rows) < inside:
            rows.append(tried(place, len(rows), arguments.seed, whole))
            with told.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(f"{len(rows)}: {' '.join(rows[-1]['became'])}; {rows[-1]['different']=}", flush=True)
    different = sum(row["different"] for row in rows)
    result = {
        "kills": sum(row["killed"] for row in rows),
        "inside_saves": sum(row["inside"] for row in rows),
        "victims": len(rows),
        "different": different,
    }
    print(json.dumps(result | {"seconds": round(time.monotonic() - began)}))
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
