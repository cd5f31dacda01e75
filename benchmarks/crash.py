"""Kills a run of four stages many times, in saves and at random times; last, one JSON object.

Each victim trains the tiny recipe of the tests, is killed three times by SIGKILL (once at a named point,
twice after a random time) and goes on to its end. Every weight and metric must then equal, to the bit,
those of a run that nothing disturbed.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.train.nursery import attempts, fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, vision_stage, write_dataset

POINTS = {
    "step": 18,
    "ckpt.after_weights": 9,
    "ckpt.after_optimizer": 9,
    "ckpt.before_rename": 9,
    "ckpt.after_rename": 9,
    "ckpt.before_drop": 8,
    "stage.before_final": 4,
    "stage.after_final": 4,
    "run.before_model": 1,
}


def kills(draw: random.Random) -> list[str]:
    """One kill at a named point and two after random times."""
    point = draw.choice([*POINTS])
    named = f"{point}#{draw.randint(1, POINTS[point])}"
    found = [named, *(f"after={draw.uniform(0.05, 1.4):.2f}" for _ in range(2))]
    draw.shuffle(found)
    return found


def main() -> None:
    """Count victims whose bits differ; there must be none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six kills instead of two hundred")
    parser.add_argument("--victims", type=int, default=67)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    victims = 2 if arguments.quick else arguments.victims
    draw = random.Random(arguments.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        data = write_dataset(place / "data")
        stages = (text_stage(), vision_stage(), align_stage(), instruct_stage(validate_every=3))
        (place / "recipe.yaml").write_text(yaml.safe_dump(recipe(data, *stages).model_dump(mode="json")))
        attempts(place / "recipe.yaml", place / "whole", ["none"])
        whole = fingerprint(place / "whole")
        killed = different = 0
        for victim in range(victims):
            out = place / f"victim-{victim}"
            became = attempts(place / "recipe.yaml", out, [*kills(draw), "none"])
            killed += became.count("killed")
            different += became[-1] != "done" or fingerprint(out) != whole
            print(f"{victim + 1}/{victims}: {' '.join(became)}; different so far: {different}", flush=True)
    result = {"kills": killed, "victims": victims, "different": different}
    print(json.dumps(result | {"seconds": round(time.monotonic() - began)}))
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
