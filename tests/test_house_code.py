"""Limits and bans that a machine can hold."""

import ast
import re
import tokenize
from io import StringIO

import pytest

from tests.house import ROOT, Source, calls, dotted, imported, python_files, repository_files, sources

LONGEST = 400
UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
UNSAFE_FLAGS = {"shell", "trust_remote_code", "allow_pickle"}
VAGUE = {"utils", "common", "helpers", "base", "manager", "misc", "util", "helper"}
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".css", ".js", ".html", ".json", ".cfg", "", ".run"}
BINARY = {".pt", ".pth", ".bin", ".safetensors", ".parquet", ".zip", ".gz", ".tar", ".npy", ".npz", ".ipynb"}
PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".nii"}
MACHINE_PLACES = ("work", "home", "root", "Users", "opt", "mnt", "private", "scratch")


@pytest.mark.parametrize("source", python_files(), ids=lambda source: source.place)
def test_a_file_has_at_most_400_lines(source: Source):
    assert source.text.count("\n") <= LONGEST


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_a_module_is_named_by_what_is_inside(source: Source):
    assert source.path.stem not in VAGUE
    assert source.path.parent.name not in VAGUE


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_nothing_is_unpickled_evaluated_or_run_by_a_shell(source: Source):
    assert not {name.split(".")[0] for name in imported(source)} & UNSAFE_MODULES
    for call in calls(source):
        name = dotted(call.func)
        assert name not in UNSAFE_CALLS, f"line {call.lineno}: {name}"
        for keyword in call.keywords:
            asked = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            assert keyword.arg not in UNSAFE_FLAGS or asked, f"line {call.lineno}: {keyword.arg}"


def test_torch_load_is_called_in_one_place_and_reads_weights_only():
    found = [(source, call) for source in sources() for call in calls(source) if _is_torch_load(call)]
    assert len(found) <= 1, [source.place for source, _ in found]
    for source, call in found:
        assert source.path.parent.name == "teachers", source.place
        flags = {keyword.arg: keyword.value for keyword in call.keywords}
        only = flags.get("weights_only")
        assert isinstance(only, ast.Constant) and only.value is True, source.place


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_no_error_is_caught_broadly_and_swallowed(source: Source):
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            last = node.body[-1]
            raises_again = isinstance(last, ast.Raise) and last.exc is None
            assert raises_again, f"line {node.lineno}: a broad except that goes on"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_no_limit_is_switched_off_and_nothing_is_left_to_do(source: Source):
    words = [
        token.string
        for token in tokenize.generate_tokens(StringIO(source.text).readline)
        if token.type == tokenize.COMMENT
    ]
    for comment in words:
        assert not re.search(r"noqa: *(C90|PLR|BLE|E501)|noqa *$", comment), comment
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", comment), comment


def test_no_path_of_a_machine_is_written_anywhere():
    place = re.compile(r"(?<![\w./:-])/(" + "|".join(MACHINE_PLACES) + r")/[\w.]|[A-Z]:\\\\?Users")
    for path in repository_files():
        if path.suffix in TEXT and path.name != "LICENSE":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                assert not place.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_no_weight_archive_notebook_or_picture_is_in_the_repository():
    wrong = [path for path in repository_files() if path.suffix.lower() in BINARY | PICTURES]
    assert not wrong


def test_every_command_of_the_command_line_is_one_small_function():
    for source in sources():
        if source.room == "cli":
            longest = max((_length(node) for node in ast.walk(source.tree)), default=0)
            assert longest <= 60, source.place


def _length(node: ast.AST) -> int:
    if isinstance(node, ast.FunctionDef):
        return (node.end_lineno or node.lineno) - node.lineno
    return 0


def _is_torch_load(call: ast.Call) -> bool:
    return dotted(call.func) in {"torch.load", "torch.serialization.load"}


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(dotted(one) in {"Exception", "BaseException"} for one in kinds)
