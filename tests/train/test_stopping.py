"""A run that is asked to stop saves, says where and how to go on, and ends with the same bits."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.train.nursery import attempts, fingerprint
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, write_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stopping")
    data = write_dataset(folder / "data")
    judged = {
        "validate_every": 2,
        "keep_best": "closed_accuracy",
        "leave": "best",
        "early_stop": {"metric": "validation_loss", "patience": 3, "min_delta": 0.0},
        "show_every": 3,
        "show_samples": 2,
    }
    stages = (
        text_stage(steps=6, save_every=100, show_every=2),
        align_stage(steps=4, save_every=3),
        instruct_stage(steps=8, save_every=5, **judged),
    )
    tree = recipe(data, *stages).model_dump(mode="json")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.fixture(scope="module")
def whole(written: Path) -> dict[str, str]:
    """The run that nothing disturbs."""
    assert attempts(written / "recipe.yaml", written / "whole", ["none"]) == ["done"]
    return fingerprint(written / "whole")


def test_a_signal_saves_and_says_where_and_how_to_go_on(written: Path, whole: dict[str, str]):
    out = written / "told"
    codes = {"SIGTERM": "143 ", "SIGINT": "", "SIGHUP": "129 ", "SIGTERM+SIGTERM": "143 "}
    kills = [f"{signals}@{lines}" for signals, lines in zip(codes, (2, 5, 9, 15), strict=True)]
    *stopped, last = attempts(written / "recipe.yaml", out, [*kills, "none"])
    told = r"([\w-]+: stopped and saved at step \d+ of \d+|stopped between two stages)"
    for line, code in zip(stopped, codes.values(), strict=True):
        assert re.fullmatch(rf"{code}{told}.*run the same command again to go on", line), stopped
    assert last == "done"
    assert fingerprint(out) == whole


def test_a_second_interrupt_stops_at_once_and_damages_nothing(written: Path, whole: dict[str, str]):
    out = written / "twice"
    kills = [f"SIGINT+SIGINT@{lines}" for lines in (1, 4, 8, 12)]
    *stopped, last = attempts(written / "recipe.yaml", out, [*kills, "none"])
    assert any(line.startswith("130") for line in stopped), stopped
    assert last == "done"
    assert fingerprint(out) == whole


def test_kills_while_the_model_is_judged_leave_no_trace(written: Path, whole: dict[str, str]):
    out = written / "killed"
    kills = ["ckpt.after_weights#2", "ckpt.after_rename#2", "ckpt.before_rename#1", "stage.before_final#1"]
    *became, last = attempts(written / "recipe.yaml", out, [*kills, "none"])
    assert became == ["killed"] * len(kills)
    assert last == "done"
    assert fingerprint(out) == whole


def test_a_disk_that_fills_up_in_a_save_leaves_the_checkpoint_before(written: Path, whole: dict[str, str]):
    out = written / "full"
    first, second = attempts(written / "recipe.yaml", out, ["ckpt.after_rename#2", "full=100000"])
    assert first == "killed"
    assert re.search(r"checkpoint-\d+.*: the disk is full \(\d+ MiB free\); make room", second), second
    assert "run the same command again" in second
    assert [path.name for path in (out / "stage-3").iterdir()] == ["checkpoint-2"]
    assert json.loads((out / "status.json").read_text())["state"] == "failed"
    assert attempts(written / "recipe.yaml", out, ["none"]) == ["done"]
    assert fingerprint(out) == whole
