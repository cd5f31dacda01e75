"""What the rooms report while a test runs, kept instead of shown."""

from collections.abc import Iterator

import pytest

from doctorsun.core.progress import reporter, use_reporter
from tests.hearing import Heard


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What is reported from here on."""
    before, mine = reporter(), Heard()
    use_reporter(mine)
    yield mine
    use_reporter(before)
