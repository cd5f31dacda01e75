"""`sun runs` shows what the runs wrote, also while one of them is being written."""

import json
from pathlib import Path

import pytest

from doctorsun.cli.main import main


def made_run(name: str, *, steps: int, tail: str = "") -> None:
    folder = Path("runs") / name
    folder.mkdir(parents=True)
    rows = [
        {"stage": 1, "name": "align", "step": step, "loss": 1 / step, "lr": 0.1}
        for step in range(1, steps + 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + tail)


def test_every_run_is_a_row_and_a_curve(capsys: pytest.CaptureFixture[str]):
    made_run("first", steps=3)
    made_run("second", steps=5, tail='{"stage": 1, "step": 6, "lo')
    report = Path("runs/first/eval/phantoms/report.html")
    report.parent.mkdir(parents=True)
    report.write_text("")
    assert main(["runs"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["name"], row["step"], row["model"]) for row in rows[:2]] == [
        ("first", 3, False),
        ("second", 5, False),
    ]
    page = Path("runs/index.html").read_text(encoding="utf-8")
    assert "first" in page
    assert "second" in page
    assert "学习率" in page
    assert "eval/phantoms/report.html" in page


def test_where_no_run_is_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]):
    assert main(["runs"]) == 2
    assert "sun train PRESET" in capsys.readouterr().err
