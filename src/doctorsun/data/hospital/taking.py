"""The privacy pass over pictures: each is made safe in a guarded process before anything is seen of it."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doctorsun.core.errors import ConfigError, MissingExtra, RecordError
from doctorsun.core.files import storage_errors
from doctorsun.core.progress import track
from doctorsun.data.counts import Counts
from doctorsun.data.fingerprint import code_fingerprint
from doctorsun.data.hospital.desk import Desk, Lists
from doctorsun.data.hospital.linking import links_of, numbers_in
from doctorsun.data.hospital.mapping import Mapping as Told
from doctorsun.data.hospital.mapping import inside
from doctorsun.imaging.isolation import Costs, Guard
from doctorsun.privacy.dicom.file import deidentify_file
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.folder import found_files
from doctorsun.privacy.key import Key
from doctorsun.privacy.photos import PICTURES, deidentify_picture

COSTS = Costs(memory_mb=6144, timeout_s=600)
_LEDGER = "ledger.jsonl"
_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_USED = frozenset({"released", "kept"})


@dataclass(slots=True)
class Study:
    """The clean files of one study, and what its headers told: digests to join by, values to look for.

    Without a file all of it waits for a person. `kind` is "dicom", else "picture" for a file with no header.
    `patient` is the one whose dates move together, `when` its own date and time, which orders a patient's
    studies; they and `fields` are kept in memory only.
    """

    id: str
    kind: str
    group: str | None
    files: list[Path] = field(default_factory=list)
    links: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)
    patient: str = field(default="", repr=False)
    when: str = field(default="", repr=False)

    @property
    def place(self) -> Path:
        """The folder of its clean files, PATIENT/STUDY, or its one file where it has no header."""
        return self.files[0].parent.parent if self.kind == "dicom" else self.files[0]

    def forget_others(self) -> None:
        """Remove clean copies that an earlier pass left in its folder, of files that are no more."""
        if self.kind == "dicom":
            for path in {*self.place.rglob("*.dcm")} - {*self.files}:
                path.unlink()

    def add(self, taken: Mapping[str, Any]) -> None:
        """Add what one file told."""
        for how, digests in taken["links"].items():
            self.links[how].update(digests)
        for name, values in taken["fields"].items():
            self.fields[name].update(values)
        self.patient = self.patient or taken["patient"]
        self.when = min(filter(None, (self.when, taken.get("when", ""))), default="")


@dataclass(slots=True)
class Pass:
    """The studies by id, the values of all headers by field, and the approved ids that are no file's."""

    studies: dict[str, Study] = field(default_factory=dict)
    fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)
    unused: set[str] = field(default_factory=set)


def policy_of(told: Told) -> DicomPolicy:
    """How the pictures of a hospital are de-identified."""
    return DicomPolicy(dates=told.dates)


def take(place: Path, told: Told, desk: Desk, guard: Guard, counts: Counts, lists: Lists) -> Pass:
    """Every picture file of the hospital made safe, or counted and listed with the reason why not."""
    done = Pass(unused=set(desk.ticked()))
    files = list(_files(place, told))
    policy = policy_of(told).model_dump(mode="json")
    with _Ledger(desk.clean / _LEDGER, policy) as ledger:
        for path in track(files, "privacy.deidentifying"):
            name = path.relative_to(place).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
            number = desk.key.pseudonym("file", name)
            ticked = _approved(path, number, desk.key, done.unused)
            options = {"key": desk.key.secret.hex(), "policy": policy, "name": name, "ticked": ticked}
            taken = ledger.get(path, number, ticked=ticked, out=desk.clean) or ledger.put(
                path, number, _one(guard, path, desk.clean, options, number), ticked=ticked
            )
            _add(done, taken, desk.clean, number)
            if taken["state"] in _USED:
                continue
            waits = taken["state"] == "quarantined"
            shown = _approval(path, number, desk.key) if waits else number
            counts.drop("data.hospital_waits" if waits else "data.hospital_refused", shown)
            told_of = {"id": shown, "path": name, "state": taken["state"], "reason": taken["reason"]}
            lists.files.append(told_of)
    return done


def _approval(path: Path, number: str, key: Key) -> str:
    """The id that approves a file as it is now: its number, and a digest of what it holds."""
    with storage_errors(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{number}-{key.pseudonym('content', digest)[:8]}"


def _approved(path: Path, number: str, key: Key, unused: set[str]) -> bool:
    """Whether a person approved this file; an approval of other content under the same name is none."""
    if path.is_symlink() or not any(one.startswith(f"{number}-") for one in unused):
        return False
    told = _approval(path, number, key)
    found = told in unused
    unused.discard(told)
    return found


def check_folders(place: Path, told: Told) -> list[Path]:
    """The folders of pictures; ConfigError names the one that is not there."""
    folders = [inside(place, name, where=f"images.{at}") for at, name in enumerate(told.images)]
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise ConfigError("data.no_folder", where=f"images.{number}: {told.images[number]}")
    return folders


def _files(place: Path, told: Told) -> Iterator[Path]:
    for folder in check_folders(place, told):
        yield from (path for path in found_files(folder) if not path.name.startswith("."))


def _one(guard: Guard, path: Path, out: Path, options: dict[str, Any], number: str) -> dict[str, Any]:
    if path.is_symlink() or not path.is_file():
        return {"state": "refused", "reason": "privacy.no_plain_file"}
    try:
        found: dict[str, Any] = guard.run(taken, str(path), str(out), options, where=number)
    except RecordError as error:
        return {"state": "refused", "reason": error.key}
    return found


def _add(done: Pass, taken: Mapping[str, Any], out: Path, number: str) -> None:
    for name, values in taken.get("fields", {}).items():
        done.fields[name].update(values)
    if "links" not in taken:
        return
    group, name = taken.get("group"), str(taken.get("study", number))
    study = done.studies.setdefault(f"{group}/{name}", Study(name, "dicom" if group else "picture", group))
    study.add(taken)
    if taken["state"] in _USED:
        study.files.append(out / str(taken["name"]))


def taken(path: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """In the worker: what became of a file, in the form of `deidentify_file`, with what its header tells.

    `group` and `study` are pseudonyms, absent for a picture without a header; `links` are digests;
    `fields` and `patient` are values that must stay beside the key.
    """
    key = Key(bytes.fromhex(options["key"]))
    name = str(options["name"])
    if Path(path).suffix.lower() in PICTURES:
        names = links_of(key, accession=numbers_in(name), files=[name])
        return deidentify_picture(path, out, options) | {"links": names, "fields": {}, "patient": ""}
    told = deidentify_file(path, out, options)
    return told | _header(Path(path), key, DicomPolicy.model_validate(options["policy"]), name)


def _header(path: Path, key: Key, policy: DicomPolicy, name: str) -> dict[str, Any]:
    from doctorsun.privacy.dicom.identity import identity_of
    from doctorsun.privacy.dicom.reading import read_dicom
    from doctorsun.privacy.dicom.values import known_fields, values_of

    dataset = read_dicom(path.read_bytes(), where=key.pseudonym("file", name)).dataset

    def told(*keywords: str) -> list[str]:
        return [text for word in keywords if (text := str(dataset.get(word) or "").strip())]

    identity = identity_of(dataset, key)
    links = links_of(
        key,
        accession=told("AccessionNumber"),
        study=told("StudyInstanceUID"),
        patient=told("PatientID"),
        days=told(*_DAYS),
        files=[name],
    )
    fields = {field: list(texts) for field, texts in known_fields(values_of(dataset, policy=policy)).items()}
    fields["uids"] = told("StudyInstanceUID")
    uid = str(dataset.get("StudyInstanceUID") or "")
    names = {"group": identity.pseudonym, "study": key.pseudonym("study", uid), "patient": identity.value}
    day = "".join(told("StudyDate")[:1])
    names["when"] = f"{day}T{''.join(told('StudyTime')[:1])}" if day else ""
    return {**names, "links": dict(links), "fields": fields}


class _Ledger:
    """What became of each file, a line a file, so that a pass that was cut off goes on where it was.

    It holds what headers tell, so it lies beside the key and its owner alone can read it. In memory are the
    places of its lines only.
    """

    def __init__(self, path: Path, policy: Mapping[str, Any]) -> None:
        self.path = path
        # Other code may find what this code left, so it looks at every file again.
        told = json.dumps([code_fingerprint(), policy], sort_keys=True)
        self.job = hashlib.sha256(told.encode()).hexdigest()[:16]
        self.places: dict[str, int] = {}

    def __enter__(self) -> "_Ledger":
        with storage_errors(self.path):
            self.file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
            self.file.seek(0)
            at = 0
            for line in self.file:
                told = _parsed(line)
                if told is not None:
                    self.places[told["file"]] = at
                at += len(line)
            self.file.write(b"\n")  # a line that a crash cut off ends here
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def get(self, path: Path, number: str, *, ticked: bool, out: Path) -> dict[str, Any] | None:
        """What became of a file, null where it is new, has changed, or its clean copy is gone."""
        if number not in self.places:
            return None
        self.file.seek(self.places[number])
        line = _parsed(self.file.readline())
        if line is None or line["state"] != self._state(path, ticked=ticked):
            return None
        told: dict[str, Any] = line["taken"]
        return told if told["state"] not in _USED or (out / told["name"]).is_file() else None

    def put(self, path: Path, number: str, told: dict[str, Any], *, ticked: bool) -> dict[str, Any]:
        """Write down what became of a file, and give it back."""
        line = {"file": number, "state": self._state(path, ticked=ticked), "taken": told}
        with storage_errors(self.path):
            self.file.write(json.dumps(line).encode() + b"\n")
            self.file.flush()
        return told

    def _state(self, path: Path, *, ticked: bool) -> str:
        state = path.lstat()
        return f"{self.job}/{state.st_size}/{state.st_mtime_ns}/{ticked}"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """What a line of the ledger says, null where a crash cut it off."""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return told


def check_extras(
    modules: Collection[tuple[str, str]] = (("pydicom", "imaging"), ("pypinyin", "privacy")),
) -> None:
    """Raise MissingExtra before a pass that would hold everything back for want of a library."""
    from importlib.util import find_spec

    for module, extra in (*modules, ("rapidocr", "privacy")):
        if find_spec(module) is None:
            raise MissingExtra("hospital", extra)
