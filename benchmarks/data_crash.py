"""Kills a build 50 times and runs it again each time; last, one JSON object. Nothing may differ.

Half of the builds run in one process and are killed at a random touch of the disk; half run on two workers
and are killed after a random time. Every tree must then equal that of a build nothing disturbed.
Where Ray is installed, a cluster of two nodes must give the same tree as well.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.data.build import build
from doctorsun.data.config import DataConfig
from tests.data.invented import recipe, write_sources
from tests.data.killed import start, touches, tree

NAMES = ["busi", "idrid", "medquad", "medical_dialogue_zh", "vqa_rad"]


def build_on_ray(config: DataConfig) -> Path:
    """The same data set, built by a Ray cluster of two nodes."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        asked = {"engine": "ray", "ray_address": cluster.address, "workers": None}
        return build(config.model_copy(update={**asked, "out": config.place.with_name("on-ray")}))
    finally:
        cluster.shutdown()


def main() -> None:
    """Count the builds that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six kills instead of fifty")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kills = 6 if arguments.quick else arguments.kills
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_sources(place / "raw", NAMES)
        config = recipe(place / "raw", NAMES, out=place / "killed" / "set")
        said = {}
        for workers in (1, 2):
            said[workers] = place / f"recipe-{workers}.json"
            said[workers].write_text(config.model_copy(update={"workers": workers}).model_dump_json())
        began = time.monotonic()
        most = touches(said[1])
        took = time.monotonic() - began
        whole, builds, killed, different = tree(config.place), 0, 0, 0
        while killed < kills:
            if draw.random() < 0.7:
                shutil.rmtree(place / "killed")
            builds += 1
            if builds % 2:
                process = start(said[1], draw.randint(1, most))
            else:
                process = start(said[2], 0)
                time.sleep(draw.uniform(0.2, 0.9) * took)
                process.kill()
            process.communicate()
            killed += process.returncode == -signal.SIGKILL
            start(said[1 + builds % 3 % 2], 0).communicate()
            different += tree(config.place) != whole
            print(f"{killed}/{kills} killed, {different} different", flush=True)
        on_ray = tree(build_on_ray(config)) == whole if find_spec("ray") else None
    print(json.dumps({"kills": killed, "builds": builds, "different": different, "ray_equal": on_ray}))
    raise SystemExit(1 if different or on_ray is False else 0)


if __name__ == "__main__":
    main()
