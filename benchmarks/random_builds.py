"""Builds a hundred random recipes and looks whether their splits share anything; last, one JSON object.

Each recipe takes some picture sources of --root, a random number of records of each, a random seed and random
shares of the splits. Counted are groups and pictures that two splits share, and confirmed near-identical
pictures across splits, found anew from the pictures of the finished data set. Recipes are kept in --out, so
that a stopped run goes on.

    python benchmarks/random_builds.py --root DIR
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from doctorsun.data.build import build
from doctorsun.data.config import DataConfig
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.data.near.contamination import check_no_near_across
from doctorsun.data.near.looks import LOOK_BYTES, look_of
from doctorsun.imaging.pictures import open_picture

SOURCES = ("bccd", "brain_tumor_mri", "busi", "covid_chestxray", "ham10000", "idrid", "nih_cxr", "vqa_rad")
ACCEPT = ("unknown", "CC-BY-NC", "CC-BY-NC-SA")


def random_recipe(number: int, root: Path, out: Path) -> DataConfig:
    """Recipe `number`: the same each time."""
    draw = random.Random(number)
    chosen = draw.sample(SOURCES, draw.randint(2, 4))
    return DataConfig.model_validate(
        {
            "name": f"random-{number}",
            "seed": draw.randrange(10**6),
            "root": root,
            "out": out,
            "workers": 1,
            "keep": False,
            "langs": ["en"],
            "sources": {name: {"accept": ACCEPT, "limit": draw.randint(40, 160)} for name in sorted(chosen)},
            "split": {"test": draw.uniform(0.1, 0.4), "validation": draw.uniform(0.05, 0.3)},
            "audit": {"benchmarks": []},
        }
    )


def shared(dataset: Dataset) -> dict[str, int]:
    """What the splits of a finished data set share."""
    told = json.loads((dataset.path / "audit.json").read_text(encoding="utf-8"))["shared"].values()
    looks, splits = [], []
    for part in ("train", "validation", "test"):
        for _, picture in dataset.rows(part).pictures():
            looks.append(np.frombuffer(look_of(open_picture(picture.bytes)), np.uint8))
            splits.append(part)
    return {
        "groups": sum(pair["groups"] for pair in told),
        "pictures": sum(pair["pictures"] for pair in told),
        "near": check_no_near_across(np.stack(looks).reshape(-1, LOOK_BYTES), splits),
        "looked_at": len(looks),
    }


def main() -> None:
    """Build them one after another and add up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--builds", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="five builds")
    parser.add_argument("--out", type=Path, default=Path("runs/random_builds.jsonl"))
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.is_file() else []
    for number in range(len(done), 5 if args.quick else args.builds):
        with tempfile.TemporaryDirectory() as folder:
            found = shared(open_dataset(build(random_recipe(number, args.root, Path(folder, "set")))))
        done.append({"number": number, **found})
        with args.out.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        print(f"{number + 1}: {found}", flush=True)
    total = {name: sum(row[name] for row in done) for name in ("groups", "pictures", "near", "looked_at")}
    print(json.dumps({"builds": len(done), **total}))


if __name__ == "__main__":
    main()
