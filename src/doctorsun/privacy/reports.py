"""A table or a text of reports made safe, with the verdict on it.

Arguments and result are JSON values, so that the work can be done in a guarded process.
"""

from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError, RecordError
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.key import Key
from doctorsun.privacy.tables import TableConfig, clean_table

TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})
TEXTS = frozenset({".txt"})
FOLDER = "reports"


def columns_of(policy: DicomPolicy) -> TableConfig:
    """How tables are cleaned under a policy."""
    return TableConfig(dates="shift" if policy.dates == "shifted" else "remove")


def deidentify_report(path: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """What became of a table or a text, in the form of `deidentify_file`.

    The columns of a table say whom its rows are about, so it is released. A text of no fields tells nothing
    of the kind: a name without a label can stand in it, so it waits until a person has looked at it.
    """
    source, key = Path(path), Key(bytes.fromhex(options["key"]))
    number = key.pseudonym("file", options["name"])
    suffix = source.suffix.lower()
    if suffix in TEXTS and not options.get("ticked"):
        return {"state": "quarantined", "reason": "privacy.waits_text"}
    columns = columns_of(DicomPolicy.model_validate(options["policy"]))
    name = f"{FOLDER}/{number}{suffix}"
    there = (Path(out) / name).exists()
    try:
        counts = clean_table(source, Path(out) / name, key=key, columns=columns)
    except DataError as error:
        raise RecordError(error.key, **{**error.values, "path": number}) from None
    told = {f"removed_{kind}": found for kind, found in counts.removed.items()}
    told |= {f"row_left_out_{reason}": found for reason, found in counts.left_out.items()}
    return {"state": "kept" if there else "released", "reason": "", "name": name, "counts": told}
