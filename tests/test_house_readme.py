"""The two READMEs say the same, and every command in the documents is one that works."""

import re
import shlex
from pathlib import Path

import pytest

from doctorsun.cli.commands import Verb
from doctorsun.cli.main import main
from doctorsun.core.config import load, preset_names
from tests.house import HANZI, ROOT

README, README_ZH = ROOT / "README.md", ROOT / "README.zh.md"
DOCUMENTS = [README, README_ZH, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CHEAP = {"sun --help", "sun --ui zh --help", "sun data sources"}


def blocks(path: Path) -> list[str]:
    return re.findall(
        r"^```bash\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def lines(path: Path) -> list[str]:
    """The commands of a document's blocks, without their comments."""
    found = [line.split(" #")[0].strip() for block in blocks(path) for line in block.splitlines()]
    return [line for line in found if line]


def commands() -> list[str]:
    """Every line of a document that starts `sun`, each once."""
    found = [line.removeprefix(".venv/bin/") for path in DOCUMENTS for line in lines(path)]
    quoted = [
        line
        for path in DOCUMENTS
        for line in re.findall(r"`(sun [^`]+)`", path.read_text(encoding="utf-8"))
        if "|" not in line
    ]
    return sorted({line for line in [*found, *quoted] if line.startswith("sun ")})


def names(path: Path) -> set[str]:
    """What stands between backticks outside the blocks; words in Chinese are left out."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {name for name in re.findall(r"`([^`\n]+)`", prose) if not HANZI.search(name)}


def headings(path: Path) -> list[int]:
    return [
        len(level) for level in re.findall(r"^(#+) ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]


def rows(path: Path) -> list[int]:
    """The number of cells of every row of the tables."""
    return [line.count("|") for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]


def test_the_two_readmes_have_the_same_shape():
    assert headings(README) == headings(README_ZH)
    assert rows(README) == rows(README_ZH)


def test_the_two_readmes_show_the_same_commands():
    assert lines(README) == lines(README_ZH)


def test_the_two_readmes_name_the_same_files():
    assert names(README) == names(README_ZH)


def test_each_readme_is_in_its_language_and_leads_to_the_other():
    assert "(README.zh.md)" in README.read_text(encoding="utf-8")
    assert "(README.md)" in README_ZH.read_text(encoding="utf-8")
    prose = re.sub(r"中文", "", README.read_text(encoding="utf-8"))
    assert not HANZI.search(prose)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file(path: Path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_make_target_in_a_document_is_one():
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    for path in DOCUMENTS:
        named = {line.split()[1] for line in lines(path) if line.startswith("make ")}
        assert named <= targets


def test_every_room_is_on_the_map():
    rooms = {path.name for path in (ROOT / "src" / "doctorsun").iterdir() if path.is_dir()} - {"__pycache__"}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", README.read_text("utf-8"), flags=re.MULTILINE)) - {
        "tests",
        "benchmarks",
        "docs",
        "deploy",
    }


@pytest.mark.parametrize("line", commands())
def test_a_command_in_a_document_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Verb, "invoke", lambda self, ctx: None)
    assert main(shlex.split(line)[1:]) == 0


@pytest.mark.parametrize("line", [line for line in commands() if "=" in line or "train" in line])
def test_a_recipe_in_a_document_takes_the_values_written_there(line: str):
    from doctorsun.cli.recipes import for_data, for_run
    from doctorsun.train.recipe import Recipe

    words = [word for word in shlex.split(line) if not word.startswith("-")]
    if words[1] not in {"train", "data"} or words[-1] in {"train", "PRESET"}:
        return
    preset = next(word for word in words if word in preset_names())
    values = [word for word in words if "=" in word]
    overrides = for_data(values) if words[1] == "data" else for_run(values)[0]
    assert load(Recipe, preset, overrides=overrides).data.sources


@pytest.mark.parametrize("line", sorted(CHEAP & set(commands())))
def test_a_cheap_command_in_a_document_runs(line: str, capsys: pytest.CaptureFixture[str]):
    assert main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out
