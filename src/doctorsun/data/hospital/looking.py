"""What a person looks at before doubtful files of a hospital are used: reports that wait, texts, pictures."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.files import storage_errors
from doctorsun.data.counts import Counts
from doctorsun.data.hospital.desk import Desk
from doctorsun.data.hospital.mapping import Mapping
from doctorsun.data.hospital.reports import KNOWN, fields_of_row, report_id
from doctorsun.data.hospital.tables import Row, rows_of
from doctorsun.privacy.queue import read_queue
from doctorsun.privacy.review import Pictured, Reviewed
from doctorsun.privacy.tables import Role, TableConfig
from doctorsun.privacy.text import Known, TextCleaner

_WORDS = ("text", "findings", "impression", "history")
_ROLES: dict[str, Role] = {
    **{name: "text" for name in _WORDS},
    **{"accession": "id", "study": "id", "id": "id", "patient": "patient", "date": "date"},
    **{"name": "name", "doctor": "doctor", "phone": "phone", "address": "address", "hospital": "hospital"},
}


def to_look_at(place: Path, told: Mapping, desk: Desk) -> tuple[list[Reviewed], list[Pictured]]:
    """The reports that wait, then texts that are changed; and the pictures that wait. Each with the id that
    a person writes into the list of approvals.
    """
    roles = {
        column: _ROLES[role]
        for table in told.reports
        for role, names in table.columns.named().items()
        if role in _ROLES
        for column in names
    }
    columns, line = TableConfig(roles=roles), f"{desk.approved.name}: {{number}}"
    texts, pictures = read_queue(
        place, sources_list=desk.sources, key=desk.key, columns=columns, release=line
    )
    return [*_waiting(place, told, desk, line), *texts], pictures


def _waiting(place: Path, told: Mapping, desk: Desk, line: str) -> Iterator[Reviewed]:
    """Each report that waits, cleaned with what its own row knows."""
    with storage_errors(desk.listed):
        listed = json.loads(desk.listed.read_text(encoding="utf-8"))
    ids = {one["id"] for one in listed["reports_waiting"]}
    for number, table in enumerate(told.reports if ids else ()):
        for row in rows_of(place, table, number, Counts(), []):
            name = report_id(row, desk.key)
            if name in ids:
                yield _shown(row, f"{line.format(number=name)} ({row.path or row.place})", desk)


def _shown(row: Row, where: str, desk: Desk) -> Reviewed:
    fields = fields_of_row(row)
    known = Known(**{name: tuple(sorted(fields[name])) for name in KNOWN}, patient=row.place)
    said = [row.cells["text"]] if row.path else [text for role in _WORDS for text in row.all_of(role)]
    before = "\n".join(said)
    return Reviewed(where, before, TextCleaner(desk.key, known=known).clean(before, where=row.place))
