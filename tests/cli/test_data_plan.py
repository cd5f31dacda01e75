"""`sun data plan` and `sun data check`: for a person, for a program, and when something is wrong."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from doctorsun.cli.main import main
from doctorsun.core import plugins
from doctorsun.data import sources

RECIPE = """
name: mine
data:
  name: mine
  workers: 1
  sources:
    busi: {accept: [unknown]}
    ham10000: {}
    medquad: {}
    slake: {}
    phantom: {options: {count: 4, px: 32}}
    alpaca_general: {}
    rocov2: {}
"""
STAGES = """
stages:
  - {kind: align, projector: {mode: full, lr: 1.0e-3}, steps: 1, mixture: {tasks: [caption]}}
  - {kind: instruct, projector: {mode: full, lr: 1.0e-3}, steps: 1}
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for name in ("busi", "ham10000", "medquad", "slake", "alpaca_general"):
        plugins.find(sources, name).example(tmp_path / "raw" / name)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    (tmp_path / "staged.yaml").write_text(RECIPE + STAGES)
    return tmp_path / "raw"


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch):
    """A person at a terminal of a hundred columns."""
    for place in ("screen", "plan_view"):
        monkeypatch.setattr(f"doctorsun.cli.{place}.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")


def rows(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_program_reads_one_object_a_source_and_one_a_draw(raw, capsys):
    assert main(["data", "plan", "mine.yaml", "root=raw"]) == 0
    found = rows(capsys)
    told = {row["source"]: row for row in found if row["event"] == "cli.plan_source"}
    assert len(told) == 7
    assert told["ham10000"]["key"] == "data.sources.ham10000.accept=[CC-BY-NC-4.0]"
    assert not told["ham10000"]["admitted"] and told["busi"]["admitted"]
    assert told["medquad"]["records"] == told["medquad"]["kept"] + sum(told["medquad"]["dropped"].values())
    assert told["slake"]["test_only"] > 0 and not told["rocov2"]["present"]
    (draw,) = [row for row in found if row["event"] == "cli.plan_draw"]
    assert draw["estimated"] and draw["domain"] > 0 and set(draw["by_lang"]) == {"zh", "en"}
    assert found[-1]["event"] == "cli.plan_licence" and found[-1]["sources"] == "busi"
    assert not Path("datasets/mine").exists()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Left out, by reason", "medical : general", "align", "instruct", "Estimated", "Ultrasound")),
        ("zh", ("弃用的记录", "医学 : 通用", "align", "instruct", "估算", "超声", "许可证")),
    ],
)
def test_a_person_reads_it_in_their_language_on_a_hundred_columns(lang, words, raw, person, capsys):
    assert main(["data", "plan", "staged.yaml", "--ui", lang, "root=raw"]) == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []
    grids = [line.rstrip() for line in shown.splitlines() if line.startswith(" ")]
    assert grids and max(map(cell_len, grids)) <= 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sunmed_vl_sharde",), "sunmed_vl_shared"),
        (("mine.yaml",), "root"),
        (("mine.yaml", "root=nowhere"), "nowhere"),
        (("mine.yaml", "root=raw", "data.sources.busi.acept=[x]"), "accept"),
        (("mine.yaml", "root=raw", "data.licences.commercial=true"), "busi"),
        (("mine.yaml", "root=raw", "sources={ham10000: {}}"), "ham10000"),
    ],
    ids=["preset", "root", "folder", "key", "commercial", "nothing"],
)
def test_what_is_wrong_is_said_before_anything_is_written(words, said, raw, capsys):
    assert main(["data", "plan", *words]) == 2
    assert said in capsys.readouterr().err
    assert not Path("datasets/mine").exists()


def test_a_data_set_is_checked_fault_by_fault(raw, capsys):
    assert main(["data", "build", "mine.yaml", "root=raw"]) == 0
    capsys.readouterr()
    assert main(["data", "check", "mine", "--all"]) == 0
    (told,) = rows(capsys)
    assert told["event"] == "cli.check_end" and told["rows"] > 0 and told["pictures"] > 0
    (Path("datasets/mine") / "README.md").write_text("other")
    (Path("datasets/mine") / "audit.json").unlink()
    assert main(["data", "check", "mine"]) == 2
    out, error = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "README.md" in out and "audit.json" in out
    assert "datasets/mine" in error
