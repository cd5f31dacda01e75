"""Turns random bits of checkpoints over, one at a time; last, one JSON object.

Two checkpoints: of one process (plain safetensors) and of two (sharded). Every file of theirs is hit equally
often: weights, optimizer, state, manifest. Each flip must be seen, and the checkpoint before be taken.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.train.flips import taken, unseen
from tests.train.small import instruct_stage, recipe, write_dataset
from tests.train.worlds import worlds

WAYS = {"one process": "1@0:ckpt.after_rename#2", "two processes": "2@0:ckpt.after_rename#2"}


def main() -> None:
    """Count flips that are not seen; there must be none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 flips instead of 500")
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    flips = 20 if arguments.quick else arguments.flips
    missed: list[tuple[str, int]] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        data = write_dataset(place / "data")
        asked = recipe(data, instruct_stage(), parallel={"shard": "full"})
        (place / "recipe.yaml").write_text(yaml.safe_dump(asked.model_dump(mode="json")))
        for way, world in WAYS.items():
            out = place / way
            worlds(f"RECIPE={place / 'recipe.yaml'}", f"OUT={out}", world)
            stage = out / "stage-1"
            assert taken(stage) == 4, "two checkpoints are there"
            draw = random.Random(f"{arguments.seed} {way}")
            found = unseen(stage, newest=4, before=2, count=flips // 2, draw=draw)
            missed += [(f"{way}: {file}", bit) for file, bit in found]
            print(f"{way}: {flips // 2} flips, {len(found)} unseen", flush=True)
    print(json.dumps({"flips": flips // 2 * 2, "detected": flips // 2 * 2 - len(missed), "unseen": missed}))
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
