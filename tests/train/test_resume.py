"""A killed run that goes on ends with the same bits as one that was never killed."""

import json
import random
from pathlib import Path

import pytest
import yaml

from tests.train.nursery import attempts, fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, vision_stage, write_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    data = write_dataset(folder / "data")
    stages = (
        text_stage(),
        vision_stage(optimizer="muon", fit_start=True),
        align_stage(steps=2, precision="bf16"),
        instruct_stage(validate_every=3, optimizer="muon"),
    )
    tree = recipe(data, *stages).model_dump(mode="json")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.fixture(scope="module")
def whole(written: Path) -> dict[str, str]:
    """The run that nothing disturbs."""
    assert attempts(written / "recipe.yaml", written / "whole", ["none"]) == ["done"]
    return fingerprint(written / "whole")


def test_kills_inside_saves_and_at_stage_changes_leave_no_trace(written: Path, whole: dict[str, str]):
    kills = [
        "ckpt.after_weights",  # text, first save
        "step#4",  # text, before its last step
        "stage.before_final",
        "ckpt.before_rename#2",  # vision, its second save
        "stage.after_final",
        "step#4",  # LoRA
        "ckpt.before_drop",  # while an old checkpoint is removed
        "run.before_model",
    ]
    out = written / "points"
    assert attempts(written / "recipe.yaml", out, [*kills, "none"]) == ["killed"] * len(kills) + ["done"]
    assert fingerprint(out) == whole


def test_kills_at_random_times_leave_no_trace(written: Path, whole: dict[str, str]):
    draw = random.Random(7)
    kills = [f"after={draw.uniform(0.1, 1.5):.2f}" for _ in range(4)]
    out = written / "times"
    assert attempts(written / "recipe.yaml", out, [*kills, "none"])[-1] == "done"
    assert fingerprint(out) == whole


def test_a_full_disk_is_one_line_and_costs_nothing(written: Path, whole: dict[str, str]):
    out = written / "full"
    limits = [500, 20_000, 240_000]  # in the recipe, in the first model, in the checkpoint of a stage
    *said, last = attempts(written / "recipe.yaml", out, [*(f"full={size}" for size in limits), "none"])
    assert all(": the disk is full" in line and "\n" not in line for line in said)
    assert [Path(line.partition(":")[0]).name for line in said] == ["recipe.yaml", "start", "checkpoint-2"]
    assert last == "done"
    assert fingerprint(out) == whole


def test_a_flipped_bit_is_seen_and_the_checkpoint_before_is_taken(written: Path, whole: dict[str, str]):
    out = written / "flipped"
    assert attempts(written / "recipe.yaml", out, ["ckpt.after_rename#2"]) == ["killed"]
    weights = out / "stage-1" / "checkpoint-4" / "weights.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[len(raw) // 2] ^= 4
    weights.write_bytes(bytes(raw))
    assert attempts(written / "recipe.yaml", out, ["none"]) == ["done"]
    assert fingerprint(out) == whole


def test_a_finished_run_is_left_alone_and_a_changed_recipe_names_the_key(
    written: Path, whole: dict[str, str]
):
    out = written / "whole"
    tree = yaml.safe_load((written / "recipe.yaml").read_text())
    tree["stages"][1]["pictures"] = 4
    (written / "changed.yaml").write_text(yaml.safe_dump(tree))
    (said,) = attempts(written / "changed.yaml", out, ["none"])
    assert "stages.1.pictures=8" in said
    assert attempts(written / "recipe.yaml", out, ["none"]) == ["done"]
    assert fingerprint(out) == whole


def test_a_step_is_logged_once_though_it_was_trained_twice(written: Path, whole: dict[str, str]):
    lines = [json.loads(line) for line in (written / "whole" / "metrics.jsonl").read_text().splitlines()]
    trained = [(line["stage"], line["step"]) for line in lines if "loss" in line]
    assert trained == [(1, s) for s in range(1, 5)] + [(2, s) for s in range(1, 5)] + [
        (3, s) for s in range(1, 3)
    ] + [(4, s) for s in range(1, 7)]
