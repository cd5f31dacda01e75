"""The road of one file: known values -> new data set -> pixels -> bytes -> scan -> released or held back."""

import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from pydicom import dcmread
from pydicom.dataset import Dataset

from doctorsun.core.errors import MissingExtra, RecordError
from doctorsun.core.files import storage_errors, write_whole
from doctorsun.privacy.dicom.identity import Identity, identity_of
from doctorsun.privacy.dicom.kinds import (
    has_hidden_overlay,
    kind_of,
    says_burned,
    shows_face,
    wants_pixel_check,
)
from doctorsun.privacy.dicom.marks import mark, new_head
from doctorsun.privacy.dicom.pixels import clean_samples, cut_samples, mask_samples, sample_places
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.dicom.reading import DAMAGE, read_dicom
from doctorsun.privacy.dicom.streams import strip_streams
from doctorsun.privacy.dicom.values import Found, known_fields, residual_values, values_of
from doctorsun.privacy.dicom.walk import Walk
from doctorsun.privacy.key import Key
from doctorsun.privacy.residual import Residual

State = Literal["released", "kept", "quarantined"]
_WAITING = {
    "documents": "privacy.waits_document",
    "structured": "privacy.waits_structured",
    "pictures": "privacy.waits_picture",
    "unknown": "privacy.waits_unknown",
}
_NEVER = {"documents", "unknown"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a file. `reason` is a key of `text/`; counts hold numbers, never values."""

    state: State
    reason: str = ""
    name: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "state": self.state,
            "reason": self.reason,
            "name": self.name,
            "counts": dict(self.counts),
            "left": dict(self.left),
            "notes": list(self.notes),
        }


def release(path: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """See `deidentify_file`."""
    key = Key(bytes.fromhex(options["key"]))
    name, ticked = str(options["name"]), bool(options.get("ticked"))
    policy = DicomPolicy.model_validate(options.get("policy", {}))
    where = key.pseudonym("file", name)
    with storage_errors(path):
        size = path.stat().st_size
        if size > policy.max_mb << 20:
            raise RecordError("privacy.dicom_too_large", where=where, found=size >> 20, limit=policy.max_mb)
        raw = path.read_bytes()
    try:
        made = rewrite(raw, name=name, key=key, policy=policy, ticked=ticked)
    except RecordError as error:
        raise RecordError(error.key, **{**error.values, "where": where}) from None
    return _put(made, out).as_json()


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A verdict, and the bytes that may be written if it says so."""

    verdict: Verdict
    raw: bytes = field(default=b"", repr=False)


def rewrite(
    raw: bytes, *, name: str, key: Key, policy: DicomPolicy | None = None, ticked: bool = False
) -> Rewritten:
    """The de-identified bytes of a DICOM file with the verdict on it; RecordError when it cannot be read.

    `name` is the file's path below its source, `ticked` tells that a person has looked at the picture.
    """
    with _quiet():
        return _rewrite(raw, name, key, policy or DicomPolicy(), ticked)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warning and no log line of pydicom: they quote the values they warn of."""
    log = logging.getLogger("pydicom")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            log.setLevel(level)


def _rewrite(raw: bytes, name: str, key: Key, policy: DicomPolicy, ticked: bool) -> Rewritten:
    read = read_dicom(raw, max_depth=policy.max_depth, max_elements=policy.max_elements)
    source = read.dataset
    kind = kind_of(source)
    identity = identity_of(source, key)
    found = values_of(source, policy=policy)
    known = Residual(residual_values(found, name=name))
    clean = _text_cleaner(key, found, identity, shift=policy.dates == "shifted")
    walk = Walk(key, policy, identity, known, clean)
    made = walk.run(source)
    walk.counts[f"identity_by_{identity.basis}"] += 1
    walk.counts["unreadable"] += read.unreadable
    if kind in _NEVER or (kind == "structured" and not ticked):
        return Rewritten(Verdict("quarantined", _WAITING[kind], counts=walk.counts))
    made.file_meta = new_head(source.file_meta, made)
    walk.counts["bytes_after_samples"] += cut_samples(made)
    lot = key.digest("instance", str(source.SOPInstanceUID))[0]
    wanted = wants_pixel_check(source, kind, policy, lot=lot)
    reason = _pixels(source, made, walk.counts) if wanted else ""
    reason = reason or _bare(made, walk.counts)
    if not wanted and says_burned(source):
        reason = "privacy.pixels_unchecked"
    if kind == "pictures" and not reason:
        reason = "privacy.pixels_unchecked" if not wanted else "" if ticked else _WAITING[kind]
    if has_hidden_overlay(source):
        reason = "privacy.waits_overlay"
    if reason:
        return Rewritten(Verdict("quarantined", reason, counts=walk.counts))
    mark(made, policy, pixels_checked=wanted)
    notes = ("privacy.face",) if shows_face(source) else ()
    verdict = Verdict("released", "", _place(source, key, identity), walk.counts, notes=notes)
    return _scanned(made, known, verdict, written=walk.dates_written)


def _pixels(source: Dataset, made: Dataset, counts: Counter[str]) -> str:
    """Search the samples and blank what is found; the reason why that did not do, else ""."""
    try:
        check = clean_samples(source, made, where="")
    except MissingExtra:
        return "privacy.pixels_unchecked"
    except RecordError as error:
        return error.key
    counts["boxes_blanked"] += check.boxes
    return "" if check.checked else "privacy.pixels_left"


def _bare(made: Dataset, counts: Counter[str]) -> str:
    """Take out of the samples what no picture needs; the reason where they cannot be told apart, else ""."""
    try:
        counts["bits_above_samples"] += mask_samples(made)
        counts["bytes_in_frames"] += strip_streams(made)
    except DAMAGE:
        return "privacy.pixels_unreadable"
    return ""


def _scanned(made: Dataset, known: Residual, verdict: Verdict, *, written: set[str]) -> Rewritten:
    """The file's bytes, if no byte of them holds a known value."""
    file = BytesIO()
    try:
        made.save_as(file, enforce_file_format=True)
        raw = file.getvalue()
        again = dcmread(BytesIO(raw))
        places = sample_places(again, raw)
        left = known.in_bytes(raw, samples=places, written=written)
        left += Counter(kind for text in _texts(again) if (kind := known.in_text(text)))
    except DAMAGE:
        return Rewritten(Verdict("quarantined", "privacy.not_written", counts=verdict.counts))
    if left:
        return Rewritten(Verdict("quarantined", "privacy.value_left", counts=verdict.counts, left=left))
    return Rewritten(verdict, raw)


def _texts(dataset: Dataset) -> Iterator[str]:
    """Every text of a data set: names, ids and words, but no codes and numbers."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in {"LO", "SH", "PN", "ST", "LT", "UT", "UC"} and element.value:
            many = element.value if element.VM > 1 else [element.value]
            yield from (str(one) for one in many)


def _text_cleaner(key: Key, found: list[Found], identity: Identity, *, shift: bool) -> Callable[[str], str]:
    """The text engine with what the record knows; made when the first text comes."""
    made: list[Any] = []

    def clean(text: str) -> str:
        from doctorsun.privacy.text import Known, TextCleaner

        if not text.strip():
            return text
        if not made:
            known = Known(**known_fields(found), patient=identity.value)
            made.append(TextCleaner(key, known=known, dates="shift" if shift else "remove"))
        cleaned: str = made[0].clean(text).text
        return cleaned

    return clean


def _place(source: Dataset, key: Key, identity: Identity) -> str:
    """PATIENT/STUDY/SERIES/INSTANCE.dcm from keyed digests."""
    uids = {
        "study": source.get("StudyInstanceUID"),
        "series": source.get("SeriesInstanceUID"),
        "instance": source.SOPInstanceUID,
    }
    names = [key.pseudonym(kind, str(uid or "")) for kind, uid in uids.items()]
    return "/".join([identity.pseudonym, *names]) + ".dcm"


def _put(made: Rewritten, out: Path) -> Verdict:
    """Write what was released; a file that stands there with other bytes is not touched."""
    verdict = made.verdict
    if verdict.state != "released":
        return verdict
    target = out / verdict.name
    if target.exists():
        with storage_errors(target):
            same = target.read_bytes() == made.raw
        if not same:
            raise RecordError("privacy.same_instance", where=verdict.name)
        return Verdict("kept", "", verdict.name, verdict.counts, notes=verdict.notes)
    write_whole(target, made.raw)
    return verdict
