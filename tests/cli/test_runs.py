"""`sun runs` shows what the runs wrote, also while one of them is being written, and stops one gently."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from doctorsun.cli.main import main
from doctorsun.cli.run_records import Run, differences, flat
from doctorsun.cli.runs_page import runs_page
from doctorsun.core.errors import Stopped

SLEEPER = """
import signal, sys, time
from pathlib import Path
from doctorsun.train.watch.status import Status
status = Status(Path(sys.argv[1]))
def end(*_):
    status.end("stopped")
    raise SystemExit(143)
signal.signal(signal.SIGTERM, end)
with status.running():
    status._tree |= {"stage": 1, "name": "align", "step": 3, "total": 9, "eta_s": 67.0}
    status._put()
    print("up", flush=True)
    time.sleep(60)
"""


def made_run(name: str, *, steps: int, tail: str = "", lr: float = 0.1) -> Path:
    folder = Path("runs") / name
    folder.mkdir(parents=True)
    rows = [
        {"stage": 1, "name": "align", "step": step, "loss": 1 / step, "lr": lr, "tokens": 100}
        for step in range(1, steps + 1)
    ]
    rows.append({"stage": 1, "name": "align", "step": steps, "validation_loss": 0.75})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + tail)
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"seed": 0, "stages": [{"lr": lr, "steps": 9}]}))
    return folder


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def answered(folder: Path, *, steps: int, answer: str = "蓝色") -> None:
    (folder / "samples").mkdir()
    (folder / "samples" / "a.jpg").write_bytes(b"\xff\xd8 a picture")
    place = {
        "stage": 1,
        "name": "align",
        "id": "squares/1",
        "lang": "zh",
        "kind": "closed",
        "pictures": ["a.jpg"],
    }
    told = {"question": "什么颜色？", "reference": "蓝色", "answer": answer}
    lines = [json.dumps({**place, "step": step, **told}) for step in range(1, steps + 1)]
    (folder / "samples.jsonl").write_text("\n".join(lines) + "\n")


def courses(page: str) -> list[dict[str, object]]:
    """The numbers that the page draws."""
    found = re.search(r'<script type="application/json" class="courses">(.*?)</script>', page, re.S)
    assert found is not None
    told: list[dict[str, object]] = json.loads(found[1])["courses"]
    return told


def test_every_run_is_a_row_and_a_curve(capsys: pytest.CaptureFixture[str]):
    made_run("first", steps=3)
    made_run("second", steps=5, tail='{"stage": 1, "step": 6, "lo')
    report = Path("runs/first/eval/phantoms/report.html")
    report.parent.mkdir(parents=True)
    report.write_text("")
    assert main(["runs"]) == 0
    rows = printed(capsys)
    assert [(row["name"], row["status"], row["step"], row["total"], row["best"]) for row in rows[:2]] == [
        ("first", "stopped", 3, 9, 0.75),
        ("second", "stopped", 5, 9, 0.75),
    ]
    page = Path("runs/index.html").read_text(encoding="utf-8")
    assert "学习率" in page and "eval/phantoms/report.html" in page
    losses = {course["run"]: course["y"] for course in courses(page) if course["figure"] == "loss"}
    assert losses == {"first": [1.0, 0.5, 0.333333], "second": [1.0, 0.5, 0.333333, 0.25, 0.2]}
    assert "data-refresh" not in page


def test_a_curve_runs_along_steps_time_and_tokens_and_a_stage_follows_the_one_before():
    folder = made_run("first", steps=2)
    rows = [{"stage": 2, "name": "instruct", "step": step, "loss": 1.0, "tokens": 10} for step in (2, 4)]
    with (folder / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    timings = [{"stage": 1, "step": step, "seconds": 2.0} for step in (1, 2)]
    timings += [{"stage": 2, "step": step, "seconds": 1.0} for step in (2, 4)]
    (folder / "timings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in timings))
    first, second = Run(folder).courses("loss")
    assert first[1] == {"step": [1.0, 2.0], "time_s": [2.0, 4.0], "tokens": [100.0, 200.0]}
    assert second[1] == {"step": [2.0, 4.0], "time_s": [1.0, 2.0], "tokens": [20.0, 40.0]}
    assert second[3] == {"step": 2.0, "time_s": 4.0, "tokens": 200.0}


def test_answers_stand_beside_their_picture_by_step():
    folder = made_run("first", steps=3)
    answered(folder, steps=9)
    page = runs_page([Run(folder)])
    assert "data:image/jpeg;base64," in page
    steps = re.findall(r"step (\d+)</span>", page)
    assert steps == ["1", "3", "4", "6", "7", "9"]
    assert page.count('<dd class="good" lang="zh">蓝色</dd>') == 6


def test_what_a_model_says_is_never_markup():
    folder = made_run("first", steps=3)
    answered(folder, steps=1, answer="<script>alert(1)</script>")
    assert "<script>alert" not in runs_page([Run(folder)])


def test_the_keys_in_which_recipes_differ_stand_side_by_side():
    one, two = Run(made_run("first", steps=1)), Run(made_run("second", steps=1, lr=0.5))
    assert flat({"a": [{"b": 1}, 2]}) == {"a.0.b": 1, "a.1": 2}
    assert differences([one, two]) == {"stages.0.lr": [0.1, 0.5]}
    assert "stages.0.lr" in runs_page([one, two])
    assert "stages.0.steps" not in runs_page([one, two])


def test_where_no_run_is_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]):
    assert main(["runs"]) == 2
    assert "sun train PRESET" in capsys.readouterr().err


def test_a_living_run_is_shown_refreshed_and_stopped_gently(capsys: pytest.CaptureFixture[str]):
    folder = made_run("alive", steps=3)
    child = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(folder)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert child.stdout is not None and child.stdout.readline() == "up\n"
    page = runs_page([Run(folder)], refresh_s=5)
    assert 'data-refresh="5"' in page and "1:07" in page and "3 / 9" in page
    assert main(["runs", "stop", "alive"]) == 0
    assert child.wait(timeout=20) == 143
    (told,) = printed(capsys)
    assert (told["state"], told["step"], told["total"]) == ("stopped", 3, 9)
    assert "data-refresh" not in runs_page([Run(folder)], refresh_s=5)


def test_what_does_not_run_cannot_be_stopped(capsys: pytest.CaptureFixture[str]):
    made_run("first", steps=3)
    assert main(["runs", "stop", "first"]) == 2
    assert "no process of this run is alive" in capsys.readouterr().err
    assert main(["runs", "stop"]) == 2
    assert "NAME" in capsys.readouterr().err


def test_a_run_that_was_killed_is_dead(capsys: pytest.CaptureFixture[str]):
    folder = made_run("killed", steps=3)
    child = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(folder)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert child.stdout is not None and child.stdout.readline() == "up\n"
    child.kill()
    child.wait()
    assert main(["runs"]) == 0
    assert printed(capsys)[0]["status"] == "dead"


@pytest.mark.parametrize(("code", "ends"), [(2, 2), (143, 143)])
def test_a_stopped_training_ends_with_the_code_of_who_stopped_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, ends: int
):
    def stopped(_words: list[str]) -> int:
        raise Stopped("train.stopped", stage="align", step=3, total=9, code=code)

    monkeypatch.setattr("doctorsun.cli.main._run", stopped)
    assert main(["train", "quickstart"]) == ends
    assert "saved at step 3 of 9; run the same command again" in capsys.readouterr().err
