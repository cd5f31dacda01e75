"""What lies beside the key and never in a data set: original names, known values, lists, clean copies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from doctorsun.core.errors import StorageError
from doctorsun.core.files import storage_errors, write_private
from doctorsun.privacy.key import Key, key_at


@dataclass(frozen=True, slots=True)
class Desk:
    """The key of a hospital, and the folder beside it that its owner alone can read.

    `place` is the hospital's folder; exports that share a key have a desk each.
    """

    key: Key = field(repr=False)
    path: Path
    place: Path

    @property
    def clean(self) -> Path:
        """The folder of de-identified copies, and of what is known of each file."""
        return self.path / "clean"

    @property
    def known(self) -> Path:
        """The identifying values that no byte of a data set may hold."""
        return self.path / "known.json"

    @property
    def listed(self) -> Path:
        """What was not used, by pseudonym or by the number of a row."""
        return self.path / "listed.json"

    @property
    def sources(self) -> Path:
        """The original paths of what waits or was refused, as the review page asks for them."""
        return self.path / "sources.json"

    @property
    def page(self) -> Path:
        """The page on which a person looks at what waits."""
        return self.path / "review.html"

    @property
    def approved(self) -> Path:
        """Ids of what a person has looked at and found free of identifiers, one a line."""
        return self.path / "approved.txt"

    def ticked(self) -> frozenset[str]:
        """The ids that are approved."""
        if not self.approved.is_file():
            return frozenset()
        with storage_errors(self.approved):
            text = self.approved.read_text(encoding="utf-8", errors="replace")
        return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


def key_path(place: Path, key: str) -> Path:
    """Where the key of a hospital's folder is: as told, else beside the folder, never in it."""
    return Path(key) if key else place.resolve().with_name(f"{place.resolve().name}.key")


def desk_path(place: Path, key: str) -> Path:
    """The folder beside the key for this folder of the hospital: KEY.FOLDER."""
    path = key_path(place, key)
    return path.with_name(f"{path.name}.{place.resolve().name}")


def open_desk(place: Path, key: str) -> Desk:
    """The desk of a hospital's folder; the key is made on first use.

    StorageError where the key would lie among the hospital's files, can be read by others, or is none.
    """
    path = key_path(place, key)
    if path.resolve().is_relative_to(place.resolve()):
        raise StorageError("privacy.secret_in_source", path=path, source=place)
    desk = Desk(key_at(path, outside=place), desk_path(place, key), place)
    with storage_errors(desk.path):
        desk.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        desk.path.chmod(0o700)
        desk.clean.mkdir(exist_ok=True)
    return desk


def write_secret(path: Path, value: object) -> None:
    """Write a JSON value that the owner alone can read from its first byte on."""
    write_private(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"))


@dataclass(slots=True)
class Lists:
    """What was not used: pictures and reports without each other, what waits, what was refused."""

    joined: int = 0
    rows: int = 0
    rows_bad: list[str] = field(default_factory=list)
    images_unmatched: list[str] = field(default_factory=list)
    reports_unmatched: list[str] = field(default_factory=list)
    reports_ambiguous: list[str] = field(default_factory=list)
    reports_empty: list[str] = field(default_factory=list)
    reports_images_wait: list[str] = field(default_factory=list)
    reports_waiting: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, str]] = field(default_factory=list)

    def write(self, desk: Desk, approved: Sequence[str]) -> None:
        """Write the list of pseudonyms and row numbers, and apart from it the list with original paths."""
        waiting = [{"id": one["id"], "state": one["state"], "reason": one["reason"]} for one in self.files]
        told = {
            "rows": self.rows,
            "joined": self.joined,
            "rows_bad": self.rows_bad,
            "reports_unmatched": self.reports_unmatched,
            "reports_ambiguous": self.reports_ambiguous,
            "reports_empty": self.reports_empty,
            "reports_images_wait": self.reports_images_wait,
            "reports_waiting": self.reports_waiting,
            "images_unmatched": sorted(self.images_unmatched),
            "files_not_used": waiting,
            "approved_unknown": sorted(approved),
        }
        write_secret(desk.listed, told)
        write_secret(desk.sources, self.files)
