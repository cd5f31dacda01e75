"""Several processes train what one trains, whatever becomes of them."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from doctorsun.train.checkpoint import newest_checkpoint
from doctorsun.train.parallel.team import Team
from doctorsun.train.parallel.world import World
from doctorsun.train.tensors import shapes_in
from tests.train.nursery import fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, write_dataset
from tests.train.worlds import worlds

WAYS = {
    "none": {},
    "full": {"shard": "full"},
    "hybrid": {"shard": "hybrid", "copy_ranks": 1},
}
LOST = "another process of this run is gone"


@dataclass
class Runs:
    folder: Path
    became: dict[str, list[list[str]]] = field(default_factory=dict)

    def metrics(self, name: str) -> list[dict[str, float]]:
        lines = (self.folder / name / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def off(self, name: str, other: str) -> float:
        """By how much the weights of two models differ on the mean."""
        one, two = (load_file(self.folder / run / "model" / "model.safetensors") for run in (name, other))
        assert one.keys() == two.keys()
        total = sum(float((one[key] - two[key]).abs().sum()) for key in one)
        return total / sum(tensor.numel() for tensor in one.values())


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Runs:
    """All runs of this file, trained one after the other by one process that forks."""
    folder = tmp_path_factory.mktemp("worlds")
    data = write_dataset(folder / "data", train=16, validation=3)
    asked = {"steps": 5, "per": "answer", "validate_every": 3, "show_every": 3, "show_samples": 2}
    for name, parallel in WAYS.items():
        again = ["vision", "language"] if name == "full" else []
        stages = (
            align_stage(steps=2, rows=3, optimizer="muon"),
            instruct_stage(save_every=2, checkpointing=again, **asked),
        )
        tree = recipe(data, *stages, parallel=parallel).model_dump(mode="json")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(tree))
    plans = {
        "one": ("none", ["1"]),
        "none": ("none", ["2"]),
        "full": ("full", ["2"]),
        "hybrid": ("hybrid", ["2"]),
        "killed": ("full", ["2@1:step#5", "2@0:ckpt.before_rename", "2"]),
        "changed": ("full", ["1@0:step#5", "2@1:ckpt.after_optimizer", "1"]),
        "left": ("full", ["2@0:ckpt.after_rename#2"]),
    }
    words = [
        word
        for name, (way, sizes) in plans.items()
        for word in (f"RECIPE={folder / way}.yaml", f"OUT={folder / name}", *sizes)
    ]
    found = iter(worlds(*words))
    return Runs(folder, {name: [next(found) for _ in sizes] for name, (_, sizes) in plans.items()})


@pytest.mark.parametrize("way", WAYS)
def test_two_processes_train_as_one_does_but_for_rounding(runs: Runs, way: str):
    assert runs.became[way] == [["done", "done"]]
    alone, together = runs.metrics("one"), runs.metrics(way)
    assert [line.keys() for line in alone] == [line.keys() for line in together]
    for one, two in zip(alone, together, strict=True):
        for key in {"step", "tokens", "samples", "lr"} & one.keys():
            assert one[key] == two[key]
        for key in {"loss", "grad_norm", "validation_loss"} & one.keys():
            exact = 1e-5 if one["stage"] == 1 and one["step"] == 1 else 1e-3
            assert math.isclose(one[key], two[key], rel_tol=exact), (one, two)
    assert runs.off("one", way) < 5e-5
    shown = [(runs.folder / run / "samples.jsonl").read_text() for run in ("one", way)]
    assert shown[0] == shown[1] and shown[0].count("\n") == 2


def test_a_killed_process_ends_the_others_with_a_line_and_the_next_start_gives_the_same_bits(runs: Runs):
    first, second, last = runs.became["killed"]
    assert first[1] == "killed" and first[0].startswith(LOST)
    assert second[0] == "killed" and second[1].startswith(LOST)
    assert last == ["done", "done"]
    assert fingerprint(runs.folder / "killed") == fingerprint(runs.folder / "full")


def test_the_number_of_processes_may_change_and_the_samples_come_in_the_same_order(runs: Runs):
    first, second, last = runs.became["changed"]
    assert first == ["killed"] and second[1] == "killed" and last == ["done"]
    seen = [[line.get(key) for key in ("step", "tokens", "samples")] for line in runs.metrics("changed")]
    assert seen == [[line.get(key) for key in ("step", "tokens", "samples")] for line in runs.metrics("one")]
    for one, two in zip(runs.metrics("one"), runs.metrics("changed"), strict=True):
        if "loss" in one:
            assert math.isclose(one["loss"], two["loss"], rel_tol=1e-3)
    assert runs.off("one", "changed") < 5e-5


def test_a_checkpoint_of_two_processes_is_safetensors_and_every_piece_is_verified(runs: Runs):
    stage = runs.folder / "left" / "stage-2"
    folder = next(stage.glob("checkpoint-*"))
    names = {path.name for path in folder.iterdir()}
    assert {"state.json", "manifest.json"} < names
    assert all(name.endswith((".safetensors", ".json")) for name in names)
    assert len([name for name in names if name.startswith("shard-")]) == 2
    found = newest_checkpoint(stage)
    assert found is not None and len(shapes_in(folder)) == found.state["tensors"]
    extra = folder / "more.safetensors"
    extra.write_bytes(next(folder.glob("shard-*")).read_bytes())
    assert newest_checkpoint(stage) is None
    extra.unlink()
    assert newest_checkpoint(stage) is not None


class Pair(World):
    """A world of two, in which the other rank has a loss that is no number."""

    def sum(self, values):
        return [value + math.nan for value in values]

    def gather(self, value):
        return [value, ["squares/train/3/1"]]


def test_a_sample_without_a_loss_is_named_whatever_rank_has_it():
    loss, bad = Team(Pair(0, 2)).told(1.0, [])
    assert math.isnan(loss) and bad == ["squares/train/3/1"]
