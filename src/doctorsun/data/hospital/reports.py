"""A report made safe: cleaned with what its own row and the headers of its pictures know, then scanned."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from doctorsun.core.schema import Lang
from doctorsun.data.hospital.linking import Links, links_of
from doctorsun.data.hospital.proof import told_values
from doctorsun.data.hospital.tables import Row
from doctorsun.data.hospital.taking import Study
from doctorsun.language.sections import Sections, language_of, sections
from doctorsun.privacy.key import Key
from doctorsun.privacy.residual import Residual
from doctorsun.privacy.text import Known, TextCleaner
from doctorsun.privacy.text.folding import fold
from doctorsun.privacy.text.lexicon import headers

Fields = dict[str, set[str]]
# What a column of a role, or of a name that says so, holds as far as cleaning goes.
FIELDS = {
    "name": "names",
    "patient": "ids",
    "accession": "ids",
    "study": "ids",
    "id": "ids",
    "phone": "phones",
    "address": "addresses",
    "date": "dates",
    "birth": "dates",
    "hospital": "hospitals",
    "doctor": "doctors",
    "other": "other",
}
KNOWN = ("names", "ids", "phones", "addresses", "dates", "hospitals", "doctors", "other")


@dataclass(frozen=True, slots=True)
class Report:
    """A clean report, or the reason (a key of `text/`) why a person must look at it first.

    `person` is the pseudonym of the patient where the row names one.
    """

    sections: Sections = Sections()
    lang: Lang = "zh"
    waits: str = ""
    modality: str = ""
    person: str = ""


def links_of_row(row: Row, key: Key) -> Links:
    """The digests by which a report finds its pictures."""
    return links_of(
        key,
        accession=row.all_of("accession"),
        study=row.all_of("study"),
        patient=row.all_of("patient"),
        days=row.all_of("date"),
        files=[*row.all_of("file"), *([row.path] if row.path else [])],
    )


def fields_of_row(row: Row) -> Fields:
    """The identifying values of a row: by the mapping, and by the names of columns it does not name."""
    found: Fields = defaultdict(set)
    named = row.table.columns.named()
    for role, field_name in FIELDS.items():
        found[field_name].update(row.all_of(role) if role in named else ())
    mapped = {name for names in named.values() for name in names}
    for name, value in row.cells.items():
        role = "" if name in mapped else _role(name)
        if role in FIELDS and value.strip():
            found[FIELDS[role]].add(value.strip())
    return found


def clean_report(
    row: Row, studies: Sequence[Study], key: Key, *, shift: bool, ticked: Collection[str] = ()
) -> Report:
    """The report of a row without identifiers.

    The dates of a patient move as those of the pictures do. It waits where nothing tells whose it is (a name
    without a label can stand in it) or a known value is left. RecordError where it is too long.
    """
    fields = merged([fields_of_row(row), *(study.fields for study in studies)])
    looked_at = report_id(row, key) in ticked
    if not (fields["names"] or row.table.nameless or looked_at):
        return Report(waits="privacy.waits_text")
    known = Known(**{name: tuple(sorted(fields[name])) for name in KNOWN}, patient=_patient(row, studies))
    cleaner = TextCleaner(key, known=known, dates="shift" if shift else "remove")

    def clean(role: str) -> str:
        return cleaner.clean("\n".join(_words(row, role)), where=row.place).text.strip()

    found = _sections(clean("text"), clean("findings"), clean("impression"), clean("history"))
    said = "\n".join((found.findings, found.impression, found.other))
    left = Residual(told_values(fields)).in_text(said)
    if left and not looked_at:
        return Report(waits="privacy.value_left")
    lang = language_of(said) if row.table.lang == "auto" else row.table.lang
    person = row.one("patient")
    return Report(found, lang, modality=row.one("modality"), person=key.number(person) if person else "")


def report_id(row: Row, key: Key) -> str:
    """The id by which a person approves a report: other words in the same place are not approved by it."""
    told = [row.path or row.place, sorted(row.cells.items())]
    return key.pseudonym("report", json.dumps(told))


def merged(several: Iterable[Mapping[str, set[str]]]) -> Fields:
    """The values of several by field."""
    found: Fields = defaultdict(set)
    for fields in several:
        for name, values in fields.items():
            found[name].update(values)
    return found


def _words(row: Row, role: str) -> Sequence[str]:
    """The words of a role; a report that is a file of its own has its text under no column."""
    if role == "text" and row.path:
        return [row.cells["text"]]
    return row.all_of(role)


def _sections(text: str, findings: str, impression: str, history: str) -> Sections:
    """The sections of a whole report, and over them those that have a column of their own."""
    whole = sections(text)
    if not text and not impression:
        # One column often holds both.
        whole = sections(findings)
        findings = whole.findings or ("" if whole.impression else findings)
    return replace(
        whole,
        findings=_bare(findings, "findings") or whole.findings,
        impression=_bare(impression, "impression") or whole.impression,
        history=history or whole.history,
    )


def _bare(text: str, name: str) -> str:
    """The text of a column without a header of its own at its start."""
    found = sections(text)
    alone = not any((found.other, found.history, found.comparison, found.technique))
    own: str = getattr(found, name)
    both = found.findings and found.impression
    return own if own and alone and not both else text


def _patient(row: Row, studies: Sequence[Study]) -> str:
    """Whose dates move together: as the pictures' headers say it, else by the row."""
    told = [study.patient for study in studies if study.patient]
    return next((one for one in (*told, *row.all_of("patient"), *row.all_of("name")) if one), row.place)


@cache
def _role(column: str) -> str:
    """What a column that the mapping does not name holds by its name, "" where that tells nothing."""
    plain = "".join(char for char in fold(column).text.lower() if char.isalnum())
    return headers().get(plain, "")
