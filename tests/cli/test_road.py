"""The whole road in very small: each verb takes what the one before it left."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctorsun.cli.main import main
from doctorsun.cli.recipes import already_built
from doctorsun.cli.verbs import quickstart
from doctorsun.core.config import load
from doctorsun.core.strings import use_language
from doctorsun.train.recipe import Recipe

TINY = """
name: tiny
threads: 1
data:
  name: tiny
  workers: 1
  sources: {phantom: {options: {count: 3, px: 48}}}
  split: {test: 0.3, validation: 0.1}
model:
  vision: {width: 32, layers: 2, heads: 2, mlp: 64, image_px: 32, patch_px: 16}
  language: {width: 32, layers: 2, heads: 2, kv_heads: 1, mlp: 64, vocabulary: 600, context: 512}
stages:
  - kind: align
    projector: {mode: full, lr: 0.001}
    language: {mode: full, lr: 0.001}
    steps: 2
    rows: 2
    micro_rows: 2
    row_tokens: 256
"""
QUICK = ("resamples=100", "answer_tokens=2", "report_tokens=2")


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder where data were built and a model was trained by the command."""
    folder = tmp_path_factory.mktemp("road")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("tiny.yaml").write_text(TINY)
        assert main(["data", "build", "tiny.yaml"]) == 0
        assert main(["train", "tiny.yaml"]) == 0
    return folder


@pytest.fixture(autouse=True)
def _there(road: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(road)


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_road_leaves_a_data_set_and_a_run():
    assert {path.name for path in Path("datasets/tiny").iterdir()} >= {"data", "dataset.json", "README.md"}
    assert {path.name for path in Path("runs/tiny").iterdir()} >= {"model", "recipe.yaml", "metrics.jsonl"}


def test_a_data_set_that_is_built_is_known_and_a_changed_one_is_not():
    recipe = load(Recipe, "tiny.yaml")
    assert already_built(recipe.data)
    assert not already_built(load(Recipe, "tiny.yaml", overrides=["data.seed=1"]).data)
    shard = next(Path("datasets/tiny/data").glob("test-*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert not already_built(recipe.data)
    shard.write_bytes(whole)


def test_training_again_does_nothing_anew(capsys: pytest.CaptureFixture[str]):
    before = Path("runs/tiny/model/model.safetensors").stat().st_mtime_ns
    assert main(["train", "tiny.yaml"]) == 0
    assert Path("runs/tiny/model/model.safetensors").stat().st_mtime_ns == before
    assert rows(capsys)[-1]["where"] == "runs/tiny/model"


def test_a_dry_run_tells_what_training_takes_and_keeps_nothing(capsys: pytest.CaptureFixture[str]):
    before = sorted(Path("runs").iterdir())
    assert main(["train", "tiny.yaml", "--dry-run", "stages.0.steps=100"]) == 0
    *memory, stage, end = rows(capsys)
    assert {row["event"] for row in memory} == {"cli.table_plan_memory"}
    assert stage["steps"] == 100
    assert stage["minutes"] == pytest.approx(100 * stage["step_s"] / 60, abs=0.02)
    assert stage["measured_gib"] > 0
    assert stage["estimated_gib"] > 0
    assert end["disk"] >= 1
    assert sorted(Path("runs").iterdir()) == before


def test_a_plan_tells_what_a_machine_that_is_not_here_would_need(capsys: pytest.CaptureFixture[str]):
    words = ["plan", "tiny.yaml", "--gpu", "a100", "--gpus", "2", "--price", "3", "stages.0.steps=100"]
    assert main(words) == 0
    stage, machine, _ = rows(capsys)
    assert stage["total"] == sum(stage["memory"].values())
    assert stage["fits"]
    assert stage["cost"] == pytest.approx(2 * 3 * stage["hours"])
    assert machine["devices"] == 2


def test_samples_that_are_told_give_a_plan_its_steps(capsys: pytest.CaptureFixture[str]):
    words = ["plan", "tiny.yaml", "stages.0.steps=null", "stages.0.epochs=1", "--samples"]
    found = []
    for samples in ("1000", "4000"):
        assert main([*words, samples]) == 0
        found.append(rows(capsys)[0]["steps"])
    assert found[1] == pytest.approx(4 * found[0], abs=3)


def test_a_run_is_not_mixed_with_another_recipe(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "tiny.yaml", "seed=7"]) == 2
    assert "seed" in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "words"), [("en", "sun data build"), ("zh", "sun data build")])
def test_training_without_data_says_how_to_build_them(
    capsys: pytest.CaptureFixture[str], lang: str, words: str
):
    assert main(["--ui", lang, "train", "tiny.yaml", "data.name=other", "out=runs/other"]) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_the_audit_shows_the_splits_and_what_they_share(capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", "tiny"]) == 0
    found = rows(capsys)
    assert {row["split"] for row in found if "split" in row} == {"train", "validation", "test"}
    assert all(row["pictures"] == 0 for row in found if "splits" in row)


def test_the_page_of_a_data_set_shows_it_in_both_languages(capsys: pytest.CaptureFixture[str]):
    assert main(["data", "inspect", "tiny"]) == 0
    page = Path(str(rows(capsys)[0]["where"])).read_text(encoding="utf-8")
    assert "data:image/" in page
    assert 'lang="zh"' in page


def test_a_measured_model_leaves_figures_and_a_report(capsys: pytest.CaptureFixture[str]):
    words = ["eval", "tiny", "tiny", "--limit", "24", "--conditions", "image,blank", *QUICK]
    assert main(words) == 0
    found = rows(capsys)
    report = Path(str(found[-1]["where"]))
    assert report.parent == Path("runs/tiny/eval/tiny")
    assert "<html" in report.read_text(encoding="utf-8")
    results = json.loads((report.parent / "results.json").read_text(encoding="utf-8"))
    assert {result["condition"] for result in results} >= {"image", "blank"}
    assert {row["lang"] for row in found[:-1]} == {"all", "en", "zh"}


def test_the_quickstart_walks_the_whole_road_and_says_where_to_look(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quickstart, "PRESET", "tiny.yaml")
    words = ["quickstart", "out=runs/quick", "eval.limit=12", *(f"eval.{word}" for word in QUICK)]
    assert main(words) == 0
    kept = {path.name for path in Path("runs/quick").iterdir()}
    assert kept >= {"report.html", "results.json", "model", "recipe.yaml", "example.png"}
    last = rows(capsys)[-1]
    assert last["report"] == "runs/quick/report.html"
    asked = ["ask", str(last["model"]), str(last["question"]), "--image", "runs/quick/example.png"]
    assert main([*asked, "--max-tokens", "2"]) == 0


def test_a_wrong_condition_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["eval", "tiny", "tiny", "--conditions", "upside-down"]) == 2
    assert "eval: conditions.0: found 'upside-down'" in capsys.readouterr().err


def test_the_trained_model_answers_and_talks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert main(["ask", "tiny", "What is shown?", "--max-tokens", "3"]) == 0
    assert isinstance(rows(capsys)[0]["answer"], str)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_model_with_a_flipped_bit_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], lang: str):
    weights = Path("runs/tiny/model/model.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        assert main(["--ui", lang, "ask", "tiny", "?"]) == 2
    finally:
        weights.write_bytes(whole)
        use_language("en")
    assert "model.safetensors" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "tiny", "tiny"],
        ["train", "tiny.yaml"],
        ["data", "audit", "tiny"],
        ["data", "inspect", "tiny"],
    ],
)
def test_a_data_set_with_a_damaged_file_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str]
):
    shard = next(Path("datasets/tiny/data").glob("test-*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100])
    try:
        assert main(words) == 2
    finally:
        shard.write_bytes(whole)
    assert shard.name in capsys.readouterr().err.splitlines()[-1]


def test_runs_shows_what_was_trained(capsys: pytest.CaptureFixture[str]):
    assert main(["runs"]) == 0
    assert rows(capsys)[0]["step"] == 2
