"""A folder of DICOM files, pictures and reports made safe.

Names come from keyed digests, doubtful files are held back, numbers are told. What holds original names lies
beside the key, never in the output.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doctorsun import __version__
from doctorsun.core.errors import RecordError, StorageError
from doctorsun.core.files import write_private, write_whole
from doctorsun.core.progress import track
from doctorsun.core.strings import LANGUAGES, reason, say_in
from doctorsun.imaging.isolation import Costs, Guard
from doctorsun.privacy.dicom.file import deidentify_file
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.key import Key
from doctorsun.privacy.photos import PICTURES, deidentify_picture
from doctorsun.privacy.reports import TABLES, TEXTS, deidentify_report

USUAL = DicomPolicy()
REPORT = "report.json"
QUARANTINE = "quarantine.json"
LABEL = "LABEL.txt"
# The networks that find burned-in text, and the copies of a file that are at work at one time.
_OCR_MB = 2048
_COPIES = 4
_TIMEOUT_S = 600.0
_OTHERS = frozenset(
    {".gif", ".nii", ".gz", ".zip", ".pdf", ".json", ".xml", ".html", ".doc", ".docx", ".xls", ".xlsx"}
)


@dataclass(slots=True)
class Outcome:
    """What became of the files of a folder, in numbers.

    `held` are the keyed ids of what waits for a person, `unknown` those that were ticked and are no file's.
    """

    released: int = 0
    kept: int = 0
    held: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)

    @property
    def files(self) -> int:
        """How many files were looked at."""
        return self.released + self.kept + len(self.held) + self.refused.total()


def deidentify_folder(
    source: Path,
    out: Path,
    *,
    key: Key,
    sources_list: Path,
    policy: DicomPolicy = USUAL,
    ticked: Collection[str] = (),
) -> Outcome:
    """De-identify every file below `source` into `out`; a run that was cut off goes on where it was.

    DICOM files are named PATIENT/STUDY/SERIES/INSTANCE.dcm by keyed digests, tables and texts of reports go
    to reports/, pictures to pictures/; a patient's number has one pseudonym in all of them. What is held back
    is not copied: it is listed by keyed id in `out`, and by its original path in `sources_list` (mode 0600,
    outside `out`), with what was refused. A file whose id is in `ticked` was looked at by a person.
    StorageError when the places overlap or `out` was made in another way.
    """
    check_places(source, out, sources_list)
    job = _fingerprint(key, policy)
    _same_job(out, job)
    outcome = Outcome(unknown=set(ticked))
    listed: list[dict[str, str]] = []
    options = {"key": key.secret.hex(), "policy": policy.model_dump(mode="json")}
    costs = Costs(memory_mb=_OCR_MB + _COPIES * policy.max_mb, timeout_s=_TIMEOUT_S)
    with Guard(costs) as guard:
        for path in track(list(found_files(source)), "privacy.deidentifying"):
            name = path.relative_to(source).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
            number = key.pseudonym("file", name)
            outcome.unknown.discard(number)
            asked = options | {"name": name, "ticked": number in ticked}
            told = _one(guard, path, out, asked, number)
            _count(outcome, number, told)
            if told["state"] in {"quarantined", "refused"}:
                listed.append({"id": number, "path": name, "state": told["state"], "reason": told["reason"]})
    write_private(sources_list, _json(listed))
    _write_report(out, outcome, job)
    return outcome


def found_files(source: Path) -> Iterator[Path]:
    """Every file below a folder in the order of names; links are not followed, but named."""
    for folder, folders, names in os.walk(source, followlinks=False):
        folders.sort()
        for name in sorted(names):
            yield Path(folder) / name


def _one(guard: Guard, path: Path, out: Path, options: dict[str, Any], number: str) -> dict[str, Any]:
    """What became of one file; a file that cannot be worked on is refused by a key of `text/`."""
    if path.is_symlink() or not path.is_file():
        return {"state": "refused", "reason": "privacy.no_plain_file"}
    if path.suffix.lower() in _OTHERS:
        return {"state": "refused", "reason": "privacy.no_road"}
    try:
        told: dict[str, Any] = guard.run(_road(path), str(path), str(out), options, where=number)
    except RecordError as error:
        return {"state": "refused", "reason": error.key}
    return told


def _road(path: Path) -> Callable[[str, str, dict[str, Any]], dict[str, Any]]:
    """What makes a file of this kind safe; a file of no known name may be DICOM, which often bears none."""
    suffix = path.suffix.lower()
    if suffix in TABLES | TEXTS:
        return deidentify_report
    return deidentify_picture if suffix in PICTURES else deidentify_file


def _count(outcome: Outcome, number: str, told: dict[str, Any]) -> None:
    outcome.released += told["state"] == "released"
    outcome.kept += told["state"] == "kept"
    if told["state"] == "quarantined":
        outcome.held[number] = told["reason"]
    if told["state"] == "refused":
        outcome.refused[told["reason"]] += 1
    outcome.actions.update(told.get("counts", {}))
    outcome.left.update(told.get("left", {}))
    outcome.notes.update(told.get("notes", ()))


def check_places(source: Path, out: Path, *secret: Path) -> None:
    """Raise StorageError where source, output and what is secret would lie in each other."""
    if source.is_file():
        raise StorageError("privacy.source_is_file", path=source)
    if not source.is_dir():
        raise StorageError("privacy.no_source", path=source)
    ours, theirs = out.resolve(), source.resolve()
    if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise StorageError("privacy.out_overlaps", path=out, source=source)
    for path in secret:
        if path.resolve().is_relative_to(ours):
            raise StorageError("privacy.secret_inside", path=path, outside=out)
        if path.resolve().is_relative_to(theirs):
            raise StorageError("privacy.secret_in_source", path=path, source=source)


def _fingerprint(key: Key, policy: DicomPolicy) -> dict[str, Any]:
    """What makes a run the same as an earlier one; the key is named by a digest that reveals nothing."""
    key_id = key.pseudonym("key", "")
    return {"version": __version__, "key": key_id, "policy": policy.model_dump(mode="json")}


def _same_job(out: Path, job: dict[str, Any]) -> None:
    path = out / REPORT
    if not path.exists():
        if out.is_dir() and any(out.iterdir()):
            raise StorageError("privacy.out_not_empty", path=out)
        write_whole(path, _json({"job": job}))
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("job")
    except (ValueError, AttributeError):
        found = None
    if found != job:
        raise StorageError("privacy.other_policy", path=out)


def _write_report(out: Path, outcome: Outcome, job: dict[str, Any]) -> None:
    held = [{"id": number, "reason": key, "why": reason(key)} for number, key in _held(outcome)]
    counts = {
        "files": outcome.files,
        "released": outcome.released,
        "kept": outcome.kept,
        "held": Counter(outcome.held.values()),
        "refused": outcome.refused,
        "actions": outcome.actions,
        "left": outcome.left,
        "notes": outcome.notes,
    }
    write_whole(out / QUARANTINE, _json(held))
    write_whole(out / LABEL, _label(outcome, str(job["policy"]["dates"])))
    write_whole(out / REPORT, _json({"job": job, "counts": counts}))


def _held(outcome: Outcome) -> list[tuple[str, str]]:
    return sorted(outcome.held.items())


def _label(outcome: Outcome, dates: str) -> str:
    parts = []
    for lang in LANGUAGES:
        moved = say_in(lang, f"privacy.label_{dates}")
        text = say_in(
            lang, "privacy.label_text", dates=moved, held=len(outcome.held), refused=outcome.refused.total()
        )
        parts.append(f"{say_in(lang, 'privacy.label_title')}\n{text}\n")
    return "\n".join(parts)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
