"""Files of JSON lines that another hand writes, read as they grow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Follower:
    """The rows of a file, each with its number from 0; from the first one again when the file was cut."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._number = 0

    def fresh(self) -> Iterator[tuple[int, Row]]:
        """The rows that are new since the last call; a line that is not whole yet waits."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            if size < self._offset:
                self._offset = self._number = 0
            file.seek(self._offset)
            raw = file.read(size - self._offset)
        whole = raw[: raw.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            row = parsed(line)
            if row is not None:
                yield self._number, row
            self._number += 1


def rows_of(path: Path) -> Iterator[Row]:
    """All whole rows of a file of JSON lines; none where it is not there."""
    for _, row in Follower(path).fresh():
        yield row


def parsed(line: bytes) -> Row | None:
    """The row of a line; null where a kill or a full disk has left it broken."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
