"""Replies that were paid for, kept on disk by what was asked: a killed build asks nothing twice."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doctorsun.core.chat import Reply, Request
from doctorsun.core.errors import DataError
from doctorsun.core.files import storage_errors

NAME = "translations.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, text TEXT, tokens INTEGER, stopped INTEGER)"
)


def key_of(model: str, request: Request, extra: Mapping[str, Any]) -> str:
    """What a reply is found by: the model and all that it is told (prompt, direction, terms, words)."""
    turns = [[turn.role, turn.text] for turn in request.messages]
    asked = json.dumps([model, turns, request.max_new_tokens, extra], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


class Replies:
    """The replies in `folder` (in memory where null). Many processes may use one; the first reply stays.

    DataError where the file is damaged, StorageError where it cannot be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._place = None if folder is None else folder / NAME
        with self._open():
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / NAME).touch(mode=0o600)
            self._base = sqlite3.connect(self._place or ":memory:", timeout=60, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute(_TABLE)

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key."""
        with self._open():
            rows = self._base.execute("SELECT text, tokens, stopped FROM replies WHERE key = ?", (key,))
            row = rows.fetchone()
        return None if row is None else Reply(row[0], row[1], bool(row[2]))

    def keep(self, key: str, reply: Reply) -> Reply:
        """Keep a reply; what comes back is the one that is kept."""
        row = (key, reply.text, reply.tokens, int(reply.stopped))
        with self._open():
            self._base.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", row)
        return self.get(key) or reply

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        place = self._place or Path(NAME)
        with storage_errors(place):
            try:
                yield
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise DataError("data.translation_cache_busy", where=place) from None
                raise DataError("data.translation_cache_damaged", where=place) from None
