"""A folder is a registry, and others add to it by an entry point."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import find, names
from doctorsun.core.strings import use_language


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "made_fruits"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "apple.py").write_text("NAME = 'apple'\n")
    (folder / "pear.py").write_text("raise RuntimeError('imported though nobody asked')\n")
    (folder / "_seed.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("made_fruits")
    for name in [name for name in sys.modules if name.startswith(("made_fruits", "foreign_fruit"))]:
        del sys.modules[name]
    use_language("en")


def add_entry_point(folder: Path) -> None:
    (folder / "foreign_fruit.py").write_text("NAME = 'lychee'\n")
    info = folder / "foreign_fruit-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-fruit\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[made_fruits]\nlychee = foreign_fruit\n")


def test_every_file_of_the_folder_is_a_component_and_none_is_imported(registry: ModuleType):
    assert names(registry) == ["apple", "pear"]


def test_a_component_is_found_by_its_file_name(registry: ModuleType):
    assert find(registry, "apple").NAME == "apple"


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "data.sources: there is no 'aple'; did you mean: apple"),
        ("zh", "data.sources：没有“aple”；您是否要写：apple"),
    ],
)
def test_a_wrong_name_says_what_to_type(registry: ModuleType, lang: str, expected: str):
    use_language(lang)
    with pytest.raises(ConfigError) as caught:
        find(registry, "aple", where="data.sources")
    assert str(caught.value) == expected


def test_a_wrong_name_like_no_other_lists_all(registry: ModuleType):
    with pytest.raises(ConfigError) as caught:
        find(registry, "zzz")
    assert str(caught.value) == "made_fruits: there is no 'zzz'; did you mean: apple, pear"


def test_an_installed_package_adds_a_component(registry: ModuleType, tmp_path: Path):
    add_entry_point(tmp_path)
    assert names(registry) == ["apple", "lychee", "pear"]
    assert find(registry, "lychee").NAME == "lychee"
