"""The real folders, where this machine has them: every source is found, read and turned into samples."""

import json
import os
from pathlib import Path

import pytest

from doctorsun.data.build import build
from doctorsun.data.catalog import catalog
from tests.data.invented import PICTURES, recipe

ROOT = Path(os.environ.get("DOCTORSUN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not ROOT.is_dir(), reason=f"REAL DATA ABSENT: {ROOT} is no folder; set DOCTORSUN_DATA to run these tests"
)


@needs_data
def test_every_real_source_is_found():
    missing = [each.card.name for each in catalog(ROOT) if not each.generated and each.place is None]
    assert not missing


@needs_data
def test_some_of_each_real_source_becomes_samples(tmp_path):
    sources = {
        name: {"accept": ["unknown", "CC-BY-NC", "CC-BY-NC-SA"], "limit": 10}
        for name in PICTURES
        if name != "ham10000"
    }
    folder = build(recipe(ROOT, [], out=tmp_path / "built", sources=sources))
    info = json.loads((folder / "dataset.json").read_text())
    assert all(source["counts"]["kept"] >= 8 for source in info["sources"].values())
