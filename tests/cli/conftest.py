"""A folder of one's own, English again after each test, and nothing left of what a command told libraries."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctorsun.cli.switches import OFFLINE
from doctorsun.core.progress import reporter, use_reporter
from doctorsun.core.strings import use_language


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    before, told = {name: os.environ.get(name) for name in OFFLINE}, reporter()
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    use_reporter(told)
    use_language("en")
