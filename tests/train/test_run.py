"""A recipe becomes a run: its layout, its model, its card."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from doctorsun.core.errors import ConfigError
from doctorsun.train.checkpoint import newest_checkpoint
from doctorsun.train.loop import rate_at
from doctorsun.train.recipe import StageConfig
from doctorsun.train.run import difference, run, settle
from tests.hearing import Heard
from tests.train.small import align_stage, instruct_stage, recipe, text_stage, write_dataset


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    data = write_dataset(folder / "data")
    run(recipe(data, text_stage(), align_stage(), instruct_stage()), folder / "run")
    return folder / "run"


def test_a_run_holds_what_the_architecture_says(finished: Path):
    assert {path.name for path in finished.iterdir()} == {
        "recipe.yaml",
        "metrics.jsonl",
        "timings.jsonl",
        "status.json",
        "start",
        "stage-1",
        "stage-2",
        "stage-3",
        "model",
    }
    assert yaml.safe_load((finished / "recipe.yaml").read_text())["stages"][0]["warmup"] == 0.03
    about = json.loads((finished / "model" / "doctorsun.json").read_text())
    assert about["data"]["licence"] == "Apache-2.0" and about["recipe"]["seed"] == 3
    assert not list(finished.rglob("checkpoint-*")) and not list(finished.rglob(".*"))


@pytest.mark.parametrize("quick", [True, False])
def test_an_automatic_precision_is_measured_once_and_then_kept(quick, tmp_path, monkeypatch):
    monkeypatch.setattr("doctorsun.train.device.has_fast_bf16", lambda: quick)
    asked = recipe(tmp_path, align_stage(precision="auto"), text_stage(precision="fp32"))
    first = settle(asked, tmp_path)
    assert [stage.precision for stage in first.stages] == ["bf16" if quick else "fp32", "fp32"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(first.model_dump(mode="json")), encoding="utf-8")
    monkeypatch.setattr("doctorsun.train.device.has_fast_bf16", lambda: not quick)
    assert settle(asked, tmp_path) == first


def test_the_card_names_licence_synthetic_data_and_stages(finished: Path):
    text = (finished / "model" / "README.md").read_text(encoding="utf-8")
    assert "| Squares | Apache-2.0 | synthetic 合成数据 |" in text
    assert "| 3 | instruct | instruct | vision, projector, language |" in text
    assert "Not a medical device" in text and "非医疗器械" in text


def test_the_model_loads_in_a_python_without_doctorsun(finished: Path):
    script = (
        "import sys; sys.modules['doctorsun'] = None\n"
        "from transformers import AutoModelForImageTextToText as M\n"
        f"m, i = M.from_pretrained({str(finished / 'model')!r}, output_loading_info=True)\n"
        "assert not i['missing_keys'] and not i['unexpected_keys'], i\n"
        "assert not any('lora' in name for name, _ in m.named_parameters())\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_losses_rates_and_speed_are_shown_and_written(tmp_path: Path, heard: Heard):
    run(recipe(write_dataset(tmp_path / "data"), text_stage()), tmp_path / "run")
    trained = [(done, total, values) for label, done, total, values in heard.steps if label == "train.step"]
    assert [(done, total) for done, total, _ in trained] == [(n, 4) for n in range(1, 5)]
    assert {"loss", "lr", "tokens_per_s"} <= trained[0][2].keys()
    assert [event for event, _ in heard.notes] == ["train.stage", "train.validated"]


def test_the_rate_rises_then_falls_to_its_floor():
    stage = StageConfig.model_validate(text_stage(steps=100, warmup=0.1, floor=0.2))
    rates = [rate_at(step, 100, stage) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert rates[10] == 1.0 and rates[-1] == pytest.approx(0.2, abs=0.01)
    assert all(one >= two for one, two in zip(rates[9:], rates[10:], strict=False))


def test_epochs_give_the_steps_that_the_samples_fill(tmp_path: Path, heard: Heard):
    data = write_dataset(tmp_path / "data")
    run(
        recipe(data, text_stage(steps=None, epochs=2, mixture={"balance": False, "general": None})),
        tmp_path / "run",
    )
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert sum(line["samples"] for line in lines if "samples" in line) == 2 * 84


def test_a_difference_of_recipes_names_the_first_key():
    old = {"a": [{"b": 1, "c": 2}], "d": None}
    assert difference(old, {"a": [{"b": 1, "c": 2}], "d": None}) is None
    assert difference(old, {"a": [{"b": 1, "c": 3}], "d": None}) == ("a.0.c", 2, 3)
    assert difference(old, {"a": [{"b": 1, "c": 2}], "d": None, "e": 4}) == ("e", None, 4)


def test_a_damaged_stage_is_made_again(tmp_path: Path, heard: Heard):
    typed = recipe(write_dataset(tmp_path / "data"), text_stage(), align_stage(steps=1))
    run(typed, tmp_path / "run")
    weights = tmp_path / "run" / "stage-2" / "final" / "model.safetensors"
    right = weights.read_bytes()
    weights.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    (tmp_path / "run" / "model").rename(tmp_path / "aside")
    run(typed, tmp_path / "run")
    assert "train.final_damaged" in [event for event, _ in heard.notes]
    assert weights.read_bytes() == right


def test_a_run_of_another_recipe_is_not_touched(tmp_path: Path):
    data = write_dataset(tmp_path / "data")
    run(recipe(data, text_stage()), tmp_path / "run")
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=r"stages\.0\.steps=4, now it is 5"):
        run(recipe(data, text_stage(steps=5)), tmp_path / "run")
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


def test_every_flipped_bit_of_a_checkpoint_is_seen(tmp_path: Path, heard: Heard, monkeypatch):
    monkeypatch.setattr("doctorsun.train.run.drop_checkpoints", lambda _: None)
    run(recipe(write_dataset(tmp_path / "data"), text_stage()), tmp_path / "run")
    stage = tmp_path / "run" / "stage-1"
    newest, older = stage / "checkpoint-4", stage / "checkpoint-2"
    for file in sorted(newest.iterdir()):
        right = file.read_bytes()
        for place in range(0, len(right), max(1, len(right) // 9)):
            file.write_bytes(right[:place] + bytes([right[place] ^ 16]) + right[place + 1 :])
            found = newest_checkpoint(stage)
            assert found is not None and found.folder == older, (file.name, place)
        file.write_bytes(right)
    found = newest_checkpoint(stage)
    assert found is not None and found.folder == newest
