"""Imports point down, and the heavy libraries stay in their rooms."""

import ast

import pytest

from tests.house import Source, dotted, imported, sources

MAY_IMPORT = {
    "": set(),
    "core": set(),
    "text": set(),
    "presets": set(),
    "language": {"core"},
    "imaging": {"core"},
    "privacy": {"core", "language", "imaging"},
    "data": {"core", "language", "imaging", "privacy"},
    "model": {"core"},
    "train": {"core", "language", "imaging", "data", "model"},
    "engines": {"core", "model"},
    "evals": {"core", "language", "data"},
    "clinical": {"core", "language", "imaging", "privacy"},
    "serve": {"core", "language", "imaging", "privacy", "clinical", "model", "engines"},
    "cli": {
        "core",
        "language",
        "imaging",
        "privacy",
        "data",
        "model",
        "train",
        "engines",
        "evals",
        "clinical",
    }
    | {"serve", "presets", "text"},
}
LIVES_IN = {
    "torch": {"model", "train", "engines"},
    "transformers": {"model", "train", "engines"},
    "peft": {"model", "train"},
    "accelerate": {"train"},
    "pydicom": {"imaging", "privacy", "clinical"},
    "fastapi": {"serve"},
    "typer": {"cli"},
    "rich": {"cli"},
}


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_a_room_imports_only_rooms_below_it(source: Source):
    assert source.room in MAY_IMPORT, f"{source.room} is no room of ARCHITECTURE; name it in MAY_IMPORT"
    own = {name.split(".")[1] for name in imported(source) if name.startswith("doctorsun.")}
    rooms = {name for name in own if name in MAY_IMPORT} - {source.room}
    assert rooms <= MAY_IMPORT[source.room]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_a_heavy_library_is_imported_in_its_rooms_only(source: Source):
    tops = {name.split(".")[0] for name in imported(source)}
    wrong = {library for library in tops & set(LIVES_IN) if source.room not in LIVES_IN[library]}
    assert not wrong


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_no_room_below_the_command_line_reads_the_environment(source: Source):
    if source.room == "cli":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in {"os.environ", "os.getenv", "os.environb"}:
            line = source.text.splitlines()[node.lineno - 1]
            assert source.room == "train" and "SUN_CRASH_AT" in line, f"line {node.lineno}: {line.strip()}"
    assert not imported(source) & {"os.environ", "os.getenv"}


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_only_the_command_line_prints_and_exits(source: Source):
    if source.room == "cli":
        return
    names = {dotted(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    assert not names & {"print", "sys.exit", "exit", "quit", "os._exit", "input"} - _allowed_exit(source)


def _allowed_exit(source: Source) -> set[str]:
    """Named crash points for tests end the process at once."""
    return {"os._exit"} if source.room == "train" and "SUN_CRASH_AT" in source.text else set()
