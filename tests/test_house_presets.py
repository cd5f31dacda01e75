"""Every preset is values, and loads as the typed recipe."""

import pytest
import yaml

from doctorsun.core.config import load, preset_names
from tests.house import PACKAGE


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_loads_as_a_recipe(name: str):
    recipe = pytest.importorskip("doctorsun.train.recipe")
    assert load(recipe.Recipe, name).name


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_names_components_and_no_python_path_or_place(name: str):
    text = (PACKAGE / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    assert "doctorsun." not in text
    assert "!!" not in text
    assert isinstance(yaml.safe_load(text), dict)
