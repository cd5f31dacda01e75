"""One invented data set for all tests that only read it, and what a build has said."""

import pytest

from doctorsun.core.progress import reporter, use_reporter
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from tests.data.invented import PICTURES, TEXTS, recipe, write_sources


class Heard:
    def __init__(self):
        self.notes = []

    def step(self, label, done, total, **values):
        pass

    def note(self, event, **values):
        self.notes.append((event, values))


@pytest.fixture
def heard():
    before, mine = reporter(), Heard()
    use_reporter(mine)
    yield mine.notes
    use_reporter(before)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("all") / "raw"
    write_sources(root, PICTURES + TEXTS)
    return open_dataset(build(recipe(root, PICTURES + TEXTS)))
