"""What watches a run tells the truth and never changes its bits."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from doctorsun.core.errors import TrainError
from doctorsun.engines.local import LocalChat
from doctorsun.train.recipe import StageConfig
from doctorsun.train.run import run
from doctorsun.train.watch.hands import Hands
from doctorsun.train.watch.judge import Judge
from doctorsun.train.watch.pace import Pace
from doctorsun.train.watch.status import Status, read_status
from tests.train.nursery import closed_accuracy, fingerprint
from tests.train.small import instruct_stage, recipe, text_stage, vision_stage, write_dataset

HANDS = Hands(LocalChat, closed_accuracy)
JUDGED = {"validate_every": 2, "keep_best": "validation_loss"}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("watching") / "data", train=12, validation=4)


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_looking_at_a_model_does_not_change_a_bit_of_its_training(data: Path, tmp_path: Path):
    plain = {"vision": {"mode": "lora", "lr": 0.001, "rank": 4, "alpha": 8, "dropout": 0.1}, "dropout": 0.1}
    watched = {"show_every": 1, "show_samples": 3, "keep_best": "closed_accuracy", "validate_every": 1}
    run(recipe(data, instruct_stage(steps=4, **plain)), tmp_path / "plain")
    run(recipe(data, instruct_stage(steps=4, **plain, **watched)), tmp_path / "watched", hands=HANDS)
    weights = "stage-1/final/model.safetensors"
    assert fingerprint(tmp_path / "plain")[weights] == fingerprint(tmp_path / "watched")[weights]
    trained = [
        [row for row in rows(tmp_path / name / "metrics.jsonl") if "loss" in row]
        for name in ("plain", "watched")
    ]
    assert trained[0] == trained[1]
    assert {row["step"] for row in rows(tmp_path / "watched" / "samples.jsonl")} == {1, 2, 3, 4}


def test_the_fixed_samples_are_of_both_languages_and_have_pictures(data: Path, tmp_path: Path):
    shown = {"show_every": 2, "show_samples": 4, "precision": "bf16", "weights": "bf16"}
    run(recipe(data, instruct_stage(steps=2, **shown)), tmp_path, hands=HANDS)
    found = rows(tmp_path / "samples.jsonl")
    assert sorted(str(row["lang"]) for row in found) == ["en", "en", "zh", "zh"]
    assert all(row["question"] and row["reference"] for row in found)
    names = [name for row in found for name in row["pictures"]]  # type: ignore[attr-defined]
    assert names and all((tmp_path / "samples" / name).read_bytes()[:2] == b"\xff\xd8" for name in names)


def test_a_stage_ends_when_its_score_does_not_become_better(data: Path, tmp_path: Path):
    early = {"metric": "validation_loss", "patience": 2, "min_delta": 100.0}
    run(recipe(data, text_stage(steps=12, validate_every=2, early_stop=early)), tmp_path)
    assert [row["step"] for row in rows(tmp_path / "metrics.jsonl") if "loss" in row] == [*range(1, 7)]
    assert (tmp_path / "model" / "config.json").is_file()


def test_the_best_and_the_last_model_are_kept_and_the_one_asked_for_goes_on(data: Path, tmp_path: Path):
    def peaks_at_two(_chat, _samples) -> dict[str, float]:
        calls.append(1)
        return {"closed_accuracy": 1.0 / len(calls)}

    stage = {"steps": 6, "validate_every": 2, "keep_best": "closed_accuracy", "save_every": 2}
    for leave in ("last", "best"):
        calls: list[int] = []
        run(
            recipe(data, instruct_stage(**stage, leave=leave)),
            tmp_path / leave,
            hands=Hands(LocalChat, peaks_at_two),
        )
    ours, theirs = (fingerprint(tmp_path / leave) for leave in ("best", "last"))
    other = "stage-1/{}/model.safetensors"
    assert ours[other.format("final")] == theirs[other.format("best")] == ours["model/model.safetensors"]
    assert ours[other.format("last")] == theirs[other.format("final")]
    assert ours[other.format("last")] != ours[other.format("final")]
    assert not list(tmp_path.glob("*/stage-1/checkpoint-*"))


def judge(**changes: object) -> Judge:
    return Judge(StageConfig.model_validate(text_stage(**{"validate_every": 1, **changes})))


def test_a_loss_is_better_when_it_falls_and_an_accuracy_when_it_rises():
    falling, rising = judge(keep_best="validation_loss"), judge(keep_best="closed_accuracy")
    for step, value in enumerate((0.5, 0.2, 0.9), start=1):
        falling.hear(step, {"validation_loss": value})
        rising.hear(step, {"closed_accuracy": value})
    assert (falling.best_step, rising.best_step) == (2, 3)


def test_of_equal_scores_the_first_is_the_best():
    equal = judge(keep_best="closed_accuracy")
    for step in (1, 2, 3):
        equal.hear(step, {"closed_accuracy": 0.5})
    assert equal.best_step == 1


def test_a_score_that_is_no_number_is_never_the_best():
    loss = judge(keep_best="validation_loss", early_stop={"patience": 2})
    loss.hear(1, {"validation_loss": float("nan")})
    assert loss.best_step is None and not loss.over
    loss.hear(2, {"validation_loss": 3.0})
    loss.hear(3, {"validation_loss": float("inf")})
    assert loss.best_step == 2 and not loss.over


def test_a_judge_goes_on_with_the_history_of_its_checkpoint():
    early = {"metric": "validation_loss", "patience": 3, "min_delta": 0.1}
    first = judge(early_stop=early)
    for step, value in enumerate((1.0, 0.95, 0.91), start=1):
        first.hear(step, {"validation_loss": value})
    state = json.loads(json.dumps(first.state))
    later = Judge(StageConfig.model_validate(text_stage(validate_every=1, early_stop=early)), state)
    assert not later.over
    later.hear(4, {"validation_loss": 0.905})
    assert later.over


def test_a_score_that_is_not_measured_is_named():
    with pytest.raises(TrainError, match="no score 'closed_accuracy'; the validation gives: validation_loss"):
        judge(keep_best="closed_accuracy").hear(1, {"validation_loss": 1.0})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"leave": "best"}, "needs keep_best"),
        ({"keep_best": "validation_loss"}, "need validate_every"),
        ({"early_stop": {"patience": 2}}, "need validate_every"),
    ],
)
def test_a_judgement_that_cannot_be_made_is_refused(changes: dict[str, object], said: str):
    with pytest.raises(ValueError, match=said):
        StageConfig.model_validate(text_stage(**changes))


def test_an_encoder_alone_is_not_asked():
    with pytest.raises(ValueError, match="medical-vision answers nothing"):
        StageConfig.model_validate(vision_stage(show_every=2))


def test_what_a_run_cannot_give_is_told_before_it_trains(data: Path, tmp_path: Path):
    with pytest.raises(TrainError, match="show_every needs a model that answers"):
        run(recipe(data, text_stage(show_every=2)), tmp_path / "hands")
    with pytest.raises(TrainError, match="validate_samples above 0"):
        run(recipe(data, text_stage(validate_samples=0, **JUDGED)), tmp_path / "validation")
    assert not (tmp_path / "hands" / "metrics.jsonl").exists()


def test_two_processes_do_not_train_in_one_folder(data: Path, tmp_path: Path):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        _write_status(tmp_path, sleeper.pid)
        with pytest.raises(TrainError, match=f"process {sleeper.pid} on .* trains in this folder"):
            run(recipe(data, text_stage(steps=1)), tmp_path)
    finally:
        sleeper.kill()
        sleeper.wait()
    told = read_status(tmp_path)
    assert told is not None and told.state == "dead"
    run(recipe(data, text_stage(steps=1)), tmp_path)
    told = read_status(tmp_path)
    assert told is not None and told.state == "finished"


def _write_status(out: Path, pid: int) -> None:
    """What another process would have written of itself."""
    status = Status(out)
    with status.running():
        pass
    tree = json.loads((out / "status.json").read_text())
    stat = Path(f"/proc/{pid}/stat").read_text()
    tree |= {"pid": pid, "born": int(stat.rpartition(")")[2].split()[19])}
    (out / "status.json").write_text(json.dumps(tree))


def test_a_process_number_that_was_given_again_is_not_the_run(tmp_path: Path):
    _write_status(tmp_path, os.getpid())
    tree = json.loads((tmp_path / "status.json").read_text())
    (tmp_path / "status.json").write_text(json.dumps(tree | {"born": tree["born"] - 1}))
    told = read_status(tmp_path)
    assert told is not None and told.state == "dead"


def test_a_run_on_another_machine_lives_while_its_heart_beats(tmp_path: Path):
    _write_status(tmp_path, os.getpid())
    path = tmp_path / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"host": "elsewhere", "pid": 1}))
    young = read_status(tmp_path)
    os.utime(path, (time.time() - 600,) * 2)
    old = read_status(tmp_path)
    assert young is not None and old is not None
    assert (young.state, old.state) == ("running", "dead")


def test_a_half_written_status_is_no_status(tmp_path: Path):
    (tmp_path / "status.json").write_text('{"state": "runn')
    assert read_status(tmp_path) is None


def test_the_time_left_counts_saves_and_the_speed_does_not():
    clock = iter([0.0, 10.0, 14.0, 20.0])
    pace = Pace(4, peak=100.0, clock=lambda: next(clock))
    pace.step(tokens=80, samples=8, flops=400.0)
    pace.step(tokens=80, samples=8, flops=400.0)
    with pace.aside():
        pass
    lap = pace.lap()
    assert (lap.seconds, lap.tokens_per_s, lap.samples_per_s, lap.eta_s) == (16.0, 10.0, 1.0, 20.0)
    assert lap.mfu == 0.5
