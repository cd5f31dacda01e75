"""A table or a text of reports made safe, with the verdict on it.

Arguments and result are JSON values, so that the work can be done in a guarded process.
"""

from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError, RecordError
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.key import Key
from doctorsun.privacy.residual import Residual, Value
from doctorsun.privacy.tables import TableConfig, TableCounts, clean_table

TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})
TEXTS = frozenset({".txt"})
FOLDER = "reports"


def columns_of(policy: DicomPolicy) -> TableConfig:
    """How tables are cleaned under a policy."""
    return TableConfig(dates="shift" if policy.dates == "shifted" else "remove")


def deidentify_report(path: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """What became of a table or a text, in the form of `deidentify_file`.

    The columns of a table say whom its rows are about, so it is released, unless a column has no known name
    or a value of one row is left in another one. A text of no fields tells nothing of the kind: a name
    without a label can stand in it. What is doubtful waits until a person has looked at it.
    """
    source, key = Path(path), Key(bytes.fromhex(options["key"]))
    number = key.pseudonym("file", options["name"])
    suffix = source.suffix.lower()
    if suffix in TEXTS and not options.get("ticked"):
        return {"state": "quarantined", "reason": "privacy.waits_text"}
    columns = columns_of(DicomPolicy.model_validate(options["policy"]))
    name = f"{FOLDER}/{number}{suffix}"
    there = (Path(out) / name).exists()
    held: list[str] = []

    def may_write(clean: str, counts: TableCounts) -> bool:
        if not options.get("ticked"):
            held.extend(_doubts(clean, counts))
        return not held

    try:
        counts = clean_table(source, Path(out) / name, key=key, columns=columns, may_write=may_write)
    except DataError as error:
        raise RecordError(error.key, **{**error.values, "path": number}) from None
    told = {f"removed_{kind}": found for kind, found in counts.removed.items()}
    told |= {f"row_left_out_{reason}": found for reason, found in counts.left_out.items()}
    if held:
        return {"state": "quarantined", "reason": held[0], "counts": told}
    return {"state": "kept" if there else "released", "reason": "", "name": name, "counts": told}


def _doubts(clean: str, counts: TableCounts) -> list[str]:
    """Why a clean table must be looked at by a person; empty where nothing speaks against it."""
    if counts.unknown:
        return ["privacy.waits_table"]
    known = Residual(Value("known", value) for value in counts.known)
    return ["privacy.value_left"] if known.in_bytes(clean.encode("utf-8")) else []
