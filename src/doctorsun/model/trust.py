"""What is refused before anything of a model folder is loaded: code, pickles, broken files, foreign keys."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.errors import ModelError
from doctorsun.core.files import sha256_file, write_whole

MANIFEST = "manifest.json"
_CODE_KEYS = frozenset({"auto_map", "model_file", "_attn_implementation_internal"})
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})


def refuse_unsafe(source: str | Path) -> None:
    """ModelError if a folder holds remote code or pickles; a name that is no folder passes."""
    folder = Path(source)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in _PICKLES or path.suffix == ".py":
            raise ModelError("model.unsafe_file", where=path)
        if path.suffix == ".json":
            key = next(_code_keys(read_json(path)), None)
            if key is not None:
                raise ModelError("model.unsafe_key", where=path, found=key)


def check_loading(source: str | Path, info: Mapping[str, object], *, allowed: tuple[str, ...] = ()) -> None:
    """ModelError that names the keys a load left unused, missing, misshapen or newly initialised."""
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        found = info.get(problem) or ()
        names = sorted(str(key) for key in found if not str(key).startswith(allowed or ("\0",)))  # type: ignore[attr-defined]
        if names:
            shown = ", ".join(names[:3])
            raise ModelError(
                f"model.{problem}", where=source, count=len(names), names=shown + (", …" if names[3:] else "")
            )


def write_manifest(folder: Path) -> None:
    """Put the SHA-256 of every file below `folder` into its manifest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    write_sums(folder, {path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Put the SHA-256 of files, by their place in the folder, into its manifest."""
    write_whole(folder / MANIFEST, json.dumps({"sha256": dict(sorted(sums.items()))}, indent=1) + "\n")


def verify_manifest(folder: Path) -> None:
    """ModelError that names the first file that is absent or not as the manifest says; none is no error."""
    path = folder / MANIFEST
    if not path.is_file():
        return
    tree = read_json(path)
    sums = tree.get("sha256") if isinstance(tree, dict) else None
    if not isinstance(sums, dict):
        raise ModelError("model.bad_json", where=path)
    for name, expected in sorted(sums.items()):
        file = folder / str(name)
        if not file.is_file():
            raise ModelError("model.file_absent", where=file)
        if sha256_file(file) != expected:
            raise ModelError("model.file_changed", where=file)


def read_json(path: Path) -> object:
    """What a JSON file holds; ModelError if it is none."""
    try:
        tree: object = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ModelError("model.bad_json", where=path) from None
    return tree


def _code_keys(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from (key for key, value in tree.items() if key in _CODE_KEYS and value)
        for value in tree.values():
            yield from _code_keys(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _code_keys(value)
