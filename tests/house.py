"""What the house tests share: the source files, their rooms and their syntax trees."""

import ast
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "doctorsun"
HANZI = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        """The room of a file of the package; "" for the package's own `__init__`."""
        parts = self.path.relative_to(PACKAGE).parts
        return parts[0] if len(parts) > 1 else ""


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the package."""
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def python_files() -> tuple[Source, ...]:
    """Every Python file of the repository."""
    folders = (ROOT / "src", ROOT / "tests", ROOT / "benchmarks")
    return tuple(_read(path) for folder in folders for path in sorted(folder.rglob("*.py")))


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that git knows; in an unpacked archive, every file of the folders that hold sources."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if len(listed) > 1:
        return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())
    folders = ("src", "tests", "benchmarks", "docs", ".ci")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    return tuple(path for path in [*ROOT.iterdir(), *found] if path.is_file())


def dotted(node: ast.AST) -> str:
    """`torch.load` of the expression `torch.load`; "" for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def calls(source: Source) -> list[ast.Call]:
    """Every call in a file."""
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]


def imported(source: Source) -> set[str]:
    """The dotted names that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert node.level == 0, f"{source.place}: relative import; write it whole"
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text))
