"""The secret from which pseudonyms, UIDs and shifts of dates are derived; it never lies beside the output."""

import hashlib
import hmac
import os
import re
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from doctorsun.core.errors import StorageError
from doctorsun.core.files import storage_errors

_BYTES = 32
_MAX_SHIFT_DAYS = 3650
_MIN_SHIFT_DAYS = 30
_NUMBER_LETTERS = 10  # 50 bits: a million numbers hardly ever meet; fits an SH of 16 with its mark


@dataclass(frozen=True, slots=True)
class Key:
    """A secret of 32 bytes. Equal values become equal pseudonyms under one key, unlinkable under another."""

    secret: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> "Key":
        """A new random key."""
        return cls(secrets.token_bytes(_BYTES))

    def digest(self, kind: str, value: str) -> bytes:
        """The HMAC-SHA-256 of a value of one kind."""
        return hmac.new(self.secret, f"{kind}\x00{value}".encode(), hashlib.sha256).digest()

    def pseudonym(self, kind: str, value: str, *, length: int = 12) -> str:
        """A name of capital letters and digits for a value: `length` characters of base 32."""
        number = int.from_bytes(self.digest(kind, value), "big")
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return "".join(letters[(number >> (5 * place)) & 31] for place in range(length))

    def number(self, value: str) -> str:
        """What stands for an identifying number, however it is written: the same in headers and in texts."""
        return f"ID-{self.pseudonym('id', bare_number(value), length=_NUMBER_LETTERS)}"

    def uid(self, value: str) -> str:
        """A UID for a UID, below the root 2.25 (DICOM PS3.5 B.2)."""
        return f"2.25.{int.from_bytes(self.digest('uid', value)[:16], 'big')}"

    def shift_days(self, patient: str) -> int:
        """By how many days all dates of a patient move: -3650 to -30, the same for all that is theirs.

        `patient` is the patient's number; how it is written makes no difference.
        """
        span = _MAX_SHIFT_DAYS - _MIN_SHIFT_DAYS + 1
        return -_MIN_SHIFT_DAYS - int.from_bytes(self.digest("shift", bare_number(patient))[:8], "big") % span


def bare_number(value: str) -> str:
    """A number without what differs from one writing to the next: width, case, spaces and signs between."""
    wide = unicodedata.normalize("NFKC", value)
    return re.sub(r"[\W_]+", "", wide).upper() or value


def key_at(path: Path, *, outside: Path) -> Key:
    """The key in a file, made there with mode 0600 when there is none.

    StorageError where the file lies below `outside` (the output would carry its own key), can be read by
    others, or holds something else.
    """
    if path.resolve().is_relative_to(outside.resolve()):
        raise StorageError("privacy.key_inside", path=path, outside=outside)
    if path.exists():
        return _read(path)
    key = Key.fresh()
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    return key


def _read(path: Path) -> Key:
    with storage_errors(path):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StorageError("privacy.key_open", path=path)
        raw = path.read_bytes()[: _BYTES * 4]
    try:
        secret = bytes.fromhex(raw.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise StorageError("privacy.key_bad", path=path)
    return Key(secret)
