"""The example job files can be read, and start commands and keys that exist."""

import subprocess
from pathlib import Path

import pytest
import yaml

from doctorsun.core.config import load
from doctorsun.train.recipe import Recipe

FOLDER = Path(__file__).resolve().parents[1] / "deploy"
KINDS = {"kubernetes-jobset.yaml": "JobSet", "kubernetes-pytorchjob.yaml": "PyTorchJob"}


def pods(tree: object) -> list[dict[str, object]]:
    """Every pod of a job file, wherever it stands."""
    if isinstance(tree, list):
        return [pod for one in tree for pod in pods(one)]
    if not isinstance(tree, dict):
        return []
    if "containers" in tree:
        return [tree]
    return [pod for one in tree.values() for pod in pods(one)]


def test_the_slurm_file_is_a_script_that_bash_reads():
    done = subprocess.run(
        ["bash", "-n", FOLDER / "slurm.sbatch"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_slurm_file_says_what_it_wants_when_it_is_given_nothing():
    done = subprocess.run(["bash", FOLDER / "slurm.sbatch"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "PRESET" in done.stderr


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_kubernetes_file_starts_a_recipe_that_exists_on_a_volume_that_it_mounts(name: str):
    tree = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    assert tree["kind"] == KINDS[name]
    found = pods(tree)
    assert found
    for pod in found:
        (container,) = pod["containers"]
        words = container["args"]
        at = words.index("train")
        assert container["command"] == ["torchrun"] and words[at - 1] == "sun" and "--no-python" in words
        recipe = load(Recipe, words[at + 1], overrides=words[at + 2 :])
        assert recipe.parallel.shard == "full"
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_no_job_file_names_a_registry_or_a_place_of_ours():
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "/home" not in text and "docker.io" not in text and "/root" not in text
