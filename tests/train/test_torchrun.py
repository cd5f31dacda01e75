"""`torchrun` starts the very command that one process is started with, and ends when one process dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml

from doctorsun.train.checkpoint import newest_checkpoint
from tests.train.small import recipe, text_stage, write_dataset

BINARIES = Path(sys.executable).parent


def rank_one(launcher: psutil.Process) -> psutil.Process:
    """The second process that `torchrun` started."""
    found = [child for child in launcher.children() if child.environ().get("RANK") == "1"]
    assert len(found) == 1
    return found[0]


def test_a_process_killed_under_torchrun_ends_the_run_with_a_line_and_leaves_a_checkpoint(tmp_path):
    data = write_dataset(tmp_path / "data", train=12, validation=2)
    asked = recipe(data, text_stage(steps=100_000, save_every=5), parallel={"shard": "full"})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(asked.model_dump(mode="json")))
    run = tmp_path / "run"
    command = [
        *(BINARIES / "torchrun", "--standalone", "--nproc-per-node", "2", "--no-python"),
        *(BINARIES / "sun", "train", tmp_path / "recipe.yaml", "--out", run),
    ]
    env = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, cwd=tmp_path) as started:
        metrics = run / "metrics.jsonl"
        while not metrics.is_file() or metrics.read_bytes().count(b"\n") < 6:
            assert started.poll() is None, started.communicate()[1]
            time.sleep(0.05)
        rank_one(psutil.Process(started.pid)).send_signal(signal.SIGKILL)
        said = started.communicate(timeout=60)[1]
    assert started.returncode not in (0, None)
    assert "another process of this run is gone, so process 0 of 2 stops" in said
    found = newest_checkpoint(run / "stage-1")
    assert found is not None and found.state["step"] >= 5
