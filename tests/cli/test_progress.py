"""Progress: JSON lines in a pipe, bars on a terminal, and nothing of either on standard output."""

import io
import json

import pytest
from rich.console import Console

from doctorsun.cli import progress
from doctorsun.cli.progress import Bars, Lines, shown_progress
from doctorsun.cli.screen import line
from doctorsun.core.progress import reporter, track, use_reporter
from doctorsun.core.strings import use_language


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    shown = capsys.readouterr()
    assert shown.out == ""
    return [json.loads(line) for line in shown.err.splitlines()]


def test_in_a_pipe_the_first_and_the_last_step_are_lines(capsys: pytest.CaptureFixture[str]):
    with shown_progress():
        list(track(range(1000), "cli.verbs"))
    found = rows(capsys)
    assert [row["done"] for row in found] == [1, 1000]
    assert found[-1] | {"time": ""} == {
        "time": "",
        "event": "step",
        "label": "cli.verbs",
        "done": 1000,
        "total": 1000,
        "eta_s": 0.0,
    }


def test_a_line_tells_the_seconds_that_are_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = Lines()
    lines.step("cli.verbs", 50, 100)
    lines.step("cli.verbs", 60, 100, loss=0.5)
    first, second = rows(capsys)
    assert first["eta_s"] is None
    assert second["eta_s"] == 40.0
    assert second["loss"] == 0.5


def test_a_note_is_a_sentence_in_the_users_language(capsys: pytest.CaptureFixture[str]):
    use_language("zh")
    with shown_progress():
        reporter().note("cli.chat_image", where="a.png")
    assert rows(capsys)[0]["text"] == "a.png 将随下一个问题发送。"


def test_bars_name_what_goes_on_and_are_gone_when_it_is_done(capsys: pytest.CaptureFixture[str]):
    bars = Bars()
    bars.step("cli.verbs", 1, 2, loss=0.123456)
    bars.note("cli.chat_reset")
    bars.step("cli.arguments", 1, None)
    bars.step("cli.verbs", 2, 2)
    bars.step("cli.arguments", 5, 5)
    bars.stop()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "All turns and pictures are forgotten." in shown.err


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with shown_progress():
        assert isinstance(reporter(), Bars)


def test_a_bar_without_an_end_is_ended_before_results_are_printed(capsys: pytest.CaptureFixture[str]):
    bars = Bars()
    use_reporter(bars)
    bars.step("cli.verbs", 1, None)
    line("cli.chat_reset")
    assert "forgotten" in capsys.readouterr().out
    bars.step("cli.verbs", 1, 1)
    bars.stop()


def drawn(columns: int, *, encoding: str = "utf-8") -> str:
    """What a terminal of so many columns shows of a training step."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", write_through=True)
    console = Console(file=file, width=columns, force_terminal=True, color_system=None)
    bars = Bars(console)
    for step, loss in enumerate((4.0, 3.0, 2.0, 1.5), start=1):
        bars.step(
            "train.step", step, 10, stage="instruct", loss=loss, tokens_per_s=5120, mfu=0.43, eta_s=3725.0
        )
    line = str(bars.line())
    bars.stop()
    return line


def test_a_training_line_shows_course_place_time_and_speed():
    assert drawn(120) == "instruct  █▅▂▁  4/10  ETA 1:02:05  loss 1.5  tok/s 5,120  MFU 0.43"


def test_a_narrow_terminal_keeps_what_matters_most():
    assert drawn(36) == "instruct  █▅▂▁  4/10  ETA 1:02:05"
    assert drawn(16) == "instruct  █▅▂▁"


def test_a_terminal_without_unicode_gets_ascii():
    assert drawn(50, encoding="ascii").isascii()


def test_figures_are_named_in_chinese_and_take_two_cells_each():
    use_language("zh")
    assert drawn(40) == "instruct  █▅▂▁  4/10  ETA 1:02:05"
    assert drawn(46) == "instruct  █▅▂▁  4/10  ETA 1:02:05  损失 1.5"
