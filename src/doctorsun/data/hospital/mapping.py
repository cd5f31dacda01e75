"""What a hospital says of its folder, in one YAML: where pictures and reports lie, and what columns hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, Field

from doctorsun.core.config import Config, validate
from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import nearest
from doctorsun.imaging.looks import LookConfig

Joint = Literal["accession", "study", "patient_date", "file"]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda said: [said] if isinstance(said, str) else said)]
LARGEST = 2**20


class Columns(Config):
    """Which column (or columns) of a table holds what; the first one that is filled counts.

    `accession`, `study` (its UID), `patient`, `date` and `file` join reports to pictures. `name`, `doctor`,
    `phone`, `address`, `hospital` and `id` tell what to look for in the texts. `findings`, `impression`,
    `history`, or `text` (the whole report, split into its sections) are the words. `sex` and `age` are
    named so that nothing else is made of them.
    """

    accession: Names = ()
    study: Names = ()
    patient: Names = ()
    date: Names = ()
    file: Names = ()
    name: Names = ()
    doctor: Names = ()
    phone: Names = ()
    address: Names = ()
    hospital: Names = ()
    id: Names = ()
    findings: Names = ()
    impression: Names = ()
    history: Names = ()
    text: Names = ()
    modality: Names = ()
    sex: Names = ()
    age: Names = ()

    def named(self) -> dict[str, tuple[str, ...]]:
        """What is told of columns, by what they hold."""
        told = {role: getattr(self, role) for role in type(self).model_fields}
        return {role: names for role, names in told.items() if names}


class Reports(Config):
    """One table of reports, or many text files: `file` is a path or a pattern below the hospital's folder.

    CSV, TSV, XLSX, JSON, JSON lines, or text files of one report each, whose name is the `file` they belong
    to. `lang` "auto" tells each report's language. `nameless` says that a person made sure that the texts
    hold no names, where no column and no header tells whose they are.
    """

    file: str
    columns: Columns = Columns()
    lang: Literal["auto", "zh", "en"] = "auto"
    nameless: bool = False


class Mapping(Config):
    """All that a hospital says of its folder.

    `images` are the folders of DICOM, PNG or JPEG files. `join` are the ways to find the pictures of a
    report, tried in this order. `texts`: "report" is findings and impression, "impression" that alone.
    `look` says how many pictures a study gives and in which window. `not_names` are words that are also
    somebody's name and shall not stop a build.
    """

    images: Names = Field(min_length=1)
    reports: tuple[Reports, ...] = Field(min_length=1)
    join: tuple[Joint, ...] = ("accession", "study", "patient_date", "file")
    texts: tuple[Literal["report", "impression"], ...] = Field(default=("report",), min_length=1)
    look: LookConfig = LookConfig(max_pictures=4)
    licence: str = "hospital-private"
    dates: Literal["shifted", "removed"] = "shifted"
    review: bool = True
    not_names: tuple[str, ...] = ()


def read_mapping(place: Path, name: str) -> Mapping:
    """The mapping in a hospital's folder; ConfigError says which key is wrong and what is meant perhaps."""
    path = inside(place, name, where="mapping")
    if not path.is_file():
        raise ConfigError("data.hospital_no_mapping", where=name)
    raw = path.read_bytes()[:LARGEST]
    try:
        tree = yaml.safe_load(raw.decode("utf-8-sig", errors="replace"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError("core.bad_yaml", where=name, line=mark.line + 1 if mark else 1) from None
    if not isinstance(tree, dict):
        raise ConfigError("core.bad_yaml", where=name, line=1)
    mapping = validate(Mapping, tree, where=name)
    _check_words(mapping, where=name)
    return mapping


def inside(place: Path, name: str, *, where: str) -> Path:
    """The path of a name below the hospital's folder; ConfigError where it leads out of it."""
    path = place / name
    if not path.resolve().is_relative_to(place.resolve()):
        raise ConfigError("data.hospital_outside", where=where, found=name)
    return path


def check_columns(head: Sequence[str], columns: Columns, *, where: str) -> None:
    """Raise ConfigError with the file, the column that is not there, and the nearest one that is."""
    for role, names in columns.named().items():
        for name in names:
            if name not in head:
                # Not the whole head: a table without one begins with a patient.
                near = nearest(name, [one for one in head if one])
                key = "data.hospital_column" if near else "data.hospital_no_column"
                raise ConfigError(key, where=where, role=role, found=name, near=near)


def _check_words(mapping: Mapping, *, where: str) -> None:
    for number, table in enumerate(mapping.reports):
        columns = table.columns
        if table.file.lower().endswith(".txt") or columns.text or columns.findings or columns.impression:
            continue
        raise ConfigError("data.hospital_no_words", where=f"{where}: reports.{number}.columns")
