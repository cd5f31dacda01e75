"""`sun study` shows what a folder holds, and writes copies that name no patient."""

import json
import stat
from pathlib import Path
from shutil import copy

import pytest

pytest.importorskip("pydicom")

from pydicom.data import get_testdata_file  # noqa: E402

from doctorsun.cli.main import main  # noqa: E402


def file(name: str) -> Path:
    return Path(get_testdata_file(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One slice of a CT, a structured report and a text."""
    place = tmp_path / "in"
    place.mkdir()
    for name in ("CT_small.dcm", "reportsi.dcm"):
        copy(file(name), place)
    (place / "notes.txt").write_text("no picture")
    return place


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_shown_series_by_series(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["study", "show", str(folder), "--sheet", "sheet.png"]) == 0
    rows = said(capsys)
    series = next(row for row in rows if row["event"] == "cli.table_series")
    assert (series["modality"], series["size_px"], series["frames"]) == ("CT", "128 x 128", 1)
    refused = [str(row["what"]) for row in rows if row["event"] == "cli.table_remarks" and row["refused"]]
    assert any("reportsi.dcm: a structured report" in what for what in refused)
    assert any("notes.txt" in what for what in refused)
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(Path("sheet.png").stat().st_mode) == 0o600


def test_where_nothing_can_be_shown_the_command_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(b"")
    assert main(["study", "show", str(tmp_path / "in")]) == 2
    assert said(capsys)[-1]["refused"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "gone"], "gone"),
        (["show", ".", "--window", "lnug"], "lung"),
        (["show", "in", "--sheet", "sheet.jpg"], ".png"),
        (["deidentify", "gone", "out"], "gone"),
        (["deidentify", "in", "in/out"], "in/out"),
        (["deidentify", "in", "out", "--key", "out/key"], "out/key"),
        (["deidentify", "in", "out", "dtaes=removed"], "dates"),
        (["show", "in", "--sheet", "in/sheet.png"], "among the originals"),
        (["show", "in", "--sheet", "/proc/sheet.png"], "/proc/sheet.png"),
        (["show", "none"], "there is no file here"),
        (["deidentify", "in/CT_small.dcm", "out"], "give the folder"),
        (["deidentify", "in", "out", "--key", "in/my.key"], "among the originals"),
        (["deidentify", "in", "out", "--review", "in/CT_small.dcm"], "in/CT_small.dcm"),
        (["deidentify", "in", "out", "--review", "page.dcm"], ".html"),
        (["deidentify", "in", "out", "--approve", "NOSUCH"], "NOSUCH"),
    ],
)
def test_what_is_wrong_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
):
    Path("none").mkdir()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["study", *words]) == 2
    assert before == {path: path.read_bytes() for path in folder.iterdir()}
    error = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    assert len(error) == 1
    assert said in error[0]


def test_a_copy_names_no_patient(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["study", "deidentify", "in", "out"]) == 0
    rows = said(capsys)
    end = next(row for row in rows if row["event"] == "cli.deidentify_end")
    assert (end["released"], end["held"]) == (1, 2)
    made = list(Path("out").rglob("*.dcm"))
    assert len(made) == 1
    assert b"CompressedSamples" not in made[0].read_bytes()
    for secret in ("out.key", "out.key.sources.json"):
        assert stat.S_IMODE(Path(secret).stat().st_mode) == 0o600
    assert main(["study", "deidentify", "in", "out"]) == 0
    again = next(row for row in said(capsys) if row["event"] == "cli.deidentify_end")
    assert (again["released"], again["kept"]) == (0, 1)
