"""Results: a table for a person, JSON lines for a program."""

import json

import pytest

from doctorsun.cli import screen
from doctorsun.core.strings import use_language

ROWS = [{"name": "phantom", "licence": "CC0-1.0"}, {"name": "busi", "licence": None}]


def test_a_table_is_json_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    screen.table("cli.table_sources", ROWS)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [{"event": "cli.table_sources", **row} for row in ROWS]


def test_a_table_for_a_person_has_heads_in_their_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(screen, "on_terminal", lambda: True)
    use_language("zh")
    screen.table("cli.table_sources", ROWS)
    shown = capsys.readouterr().out
    assert "名称" in shown
    assert "phantom" in shown
    assert "许可证" in shown


def test_a_sentence_is_a_json_object_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    screen.line("cli.chat_image", where="a.png")
    assert json.loads(capsys.readouterr().out)["where"] == "a.png"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.12345, "0.123"), (3, "3"), (True, "✓"), (("zh", "en"), "zh, en")]
)
def test_a_cell_shows_a_value_plainly(value: object, shown: str):
    assert screen.cell(value) == shown


def test_an_empty_answer_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]):
    use_language("zh")
    screen.show(iter(()))
    screen.show(iter(("CT", "")))
    assert capsys.readouterr().out == "（空回答）\nCT\n"
