"""One invented data set for all tests that only read it, and what a build has said."""

import pytest

from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from tests.data.invented import PICTURES, TEXTS, recipe, write_sources


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("all") / "raw"
    write_sources(root, PICTURES + TEXTS)
    return open_dataset(build(recipe(root, PICTURES + TEXTS)))
