"""MIMIC-CXR: reports by patient and study, the films of MIMIC-CXR-JPG, CheXpert's labels of the reports."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Fact, Picture, Record, Split, Status
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.priors import with_priors
from doctorsun.data.reading import Folder, first_folder, pictures_in, read_picture
from doctorsun.data.report_texts import conclusion_text, report_text, unwrapped
from doctorsun.language.coding import label_facts, normal_facts
from doctorsun.language.sections import Sections, sections

TABLES = "mimic-cxr-2.0.0-"
LABELS = ("Pneumonia", "Pleural Effusion")
NORMAL = "No Finding"
STATES: dict[str, Status] = {"1": "present", "0": "absent", "-1": "uncertain"}
SPLITS: dict[str, Split] = {"train": "train", "validate": "validation", "test": "test"}
VIEWS = {"PA": "pa", "AP": "ap", "LATERAL": "lateral", "LL": "lateral"}
Rows = Mapping[str, Sequence[Mapping[str, str]]]
CARD = Card(
    name="mimic_cxr",
    title="MIMIC-CXR",
    licence="PhysioNet-Credentialed-1.5.0",
    url="https://physionet.org/content/mimic-cxr/",
    languages=("en",),
    test_rows="some",
    citation=(
        "Johnson AEW, Pollard TJ, Berkowitz SJ, et al. MIMIC-CXR, a de-identified publicly available "
        "database of chest radiographs with free-text reports. Scientific Data 6:317, 2019."
    ),
    obtain=(
        "Become a credentialed user of physionet.org, then put the unpacked mimic-cxr-reports.zip and the "
        f"files/ and {TABLES}*.csv.gz of MIMIC-CXR-JPG into one folder."
    ),
    obtain_zh=(
        "先成为 physionet.org 的认证用户，再把解压后的 mimic-cxr-reports.zip 和 MIMIC-CXR-JPG 的 files/ 及 "
        f"{TABLES}*.csv.gz 放进同一个文件夹。"
    ),
    size="227,835 studies, 377,110 films (about 570 GB as JPEG)",
    notes=(
        "May not be passed on, nor sent to services of others. Blanks that de-identification left stand as "
        "___. Labels were mined from the reports by a machine (CheXpert); a study it calls No Finding has "
        "none of what a normal chest film excludes. The official test set never trains. "
        "Option `prior`: true shows the study before beside each as well."
    ),
)


@dataclass(frozen=True, slots=True)
class _Study:
    name: str
    patient: str
    report: Path | None
    films: tuple[Path, ...]


def find(root: Path) -> Path | None:
    """The folder of the tables, else the one whose files/ holds patients."""
    told = first_folder(root, lambda at: any(name.startswith(TABLES) for name in at.files))
    return told or first_folder(root, _holds_patients)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "mimic"
    films, labels = [], []
    for at in range(6):
        patient, study = f"p1000000{at // 2}", f"s5000000{at}"
        inner = Path("files") / "p10" / patient
        films.append(
            [
                f"invented-{at}",
                study[1:],
                patient[1:],
                list(SPLITS)[at // 2 % 3],
                "PA" if at % 2 else "LATERAL",
            ]
        )
        put_picture(place / inner / study / f"invented-{at}.jpg")
        labels.append([patient[1:], study[1:], "1.0" if at % 2 else "0.0", "-1.0" if at % 3 else ""])
        put_text(
            place / "mimic-cxr-reports" / inner / f"{study}.txt",
            "                                 FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n\n"
            " INDICATION:  ___-year-old with an invented cough.\n\n"
            f" FINDINGS: \n \n The invented lungs of film {at}\n are clear.\n \n"
            f" IMPRESSION: \n \n 1. Invented {at}.\n",
        )
    put_table(
        place / f"{TABLES}split.csv",
        ("dicom_id", "study_id", "subject_id", "split"),
        [row[:4] for row in films],
    )
    put_table(
        place / f"{TABLES}metadata.csv",
        ("dicom_id", "study_id", "subject_id", "ViewPosition", "StudyDate", "StudyTime"),
        [[*row[:3], row[4], f"2180050{at + 1}", "121314.5"] for at, row in enumerate(films)],
    )
    put_table(place / f"{TABLES}chexpert.csv", ("subject_id", "study_id", *LABELS), labels)


def records(place: Path, counts: Counts, *, prior: bool = False) -> Iterator[Record]:
    """One record a study: its films with the report, else the findings with what they amount to.

    `prior` adds each report once more with the films of the patient's study before.
    """
    found = _dated(place, counts)
    yield from with_priors(found) if prior else (record for _, record in found)


def _dated(place: Path, counts: Counts) -> Iterator[tuple[str, Record]]:
    """The records of a patient one after the other, each with the date and time of its study."""
    tables = {name: _table(place, name, counts) for name in ("split", "metadata", "chexpert")}
    for study in _studies(place):
        told = {name: rows.get(study.name[1:], ()) for name, rows in tables.items()}
        try:
            pictures = tuple(read_picture(path, path.name) for path in study.films)
            found = _sections(study)
        except RecordError as error:
            counts.drop(error.key, study.name)
            continue
        first = told["metadata"][0] if told["metadata"] else {}
        when = f"{first['StudyDate']}T{first.get('StudyTime', '')}" if first.get("StudyDate") else ""
        for record in _records(study, pictures, found, told, counts):
            yield when, record


def _records(
    study: _Study, pictures: Sequence[Picture], found: Sections, told: Rows, counts: Counts
) -> Iterator[Record]:
    # A study is held out where any of its films is.
    splits = {SPLITS[row["split"]] for row in told["split"] if row.get("split") in SPLITS}
    split = next((each for each in ("test", "validation", "train") if each in splits), None)
    record = Record(id=study.name, group=study.patient, split=split)
    if not pictures:
        counts.drop("data.image_absent", study.name)
        alone = conclusion_text(found, "en", seed=study.name)
        if alone is not None:
            yield replace(record, id=f"{study.name}-text", texts=(alone,))
        return
    said = report_text(found, "en", key="report")
    yield replace(
        record,
        images=tuple(pictures),
        facts=tuple(_facts(told)),
        texts=(said,) if said else (),
        modality="xray",
        anatomy="chest",
    )


def _facts(told: Rows) -> Iterator[Fact]:
    yield Fact("modality", value=json.dumps("xray"))
    yield Fact("region", value=json.dumps("chest"))
    views = {VIEWS.get(row.get("ViewPosition", "").upper()) for row in told["metadata"]}
    if len(views) == 1 and (view := views.pop()):
        yield Fact("view", value=json.dumps(view))
    for row in told["chexpert"][:1]:
        said = {label: STATES.get(value.strip().removesuffix(".0")) for label, value in row.items()}
        facts = label_facts({label: status for label, status in said.items() if status}, "chexpert")
        yield from facts
        if said.get(NORMAL) == "present":
            stated = {fact.name for fact in facts}
            yield from (fact for fact in normal_facts() if fact.name not in stated)


def _sections(study: _Study) -> Sections:
    if study.report is None:
        return Sections()
    try:
        text = study.report.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        raise RecordError("data.unreadable_report", where=study.name) from None
    found = sections(text, "en")
    return replace(found, findings=unwrapped(found.findings), impression=unwrapped(found.impression))


def _studies(place: Path) -> Iterator[_Study]:
    """The studies in the order of patients and studies, where their report, their films or both are here."""
    roots = [path for path in (place, *sorted(place.iterdir())) if (path / "files").is_dir()]
    groups = sorted({each.name for root in roots for each in (root / "files").iterdir() if each.is_dir()})
    for group in groups:
        folders = [root / "files" / group for root in roots]
        patients = sorted(
            {each.name for at in folders if at.is_dir() for each in at.iterdir() if each.is_dir()}
        )
        for patient in patients:
            yield from _of_patient(patient, [at / patient for at in folders])


def _of_patient(patient: str, folders: Sequence[Path]) -> Iterator[_Study]:
    reports: dict[str, Path] = {}
    films: dict[str, list[Path]] = defaultdict(list)
    for folder in (each for each in folders if each.is_dir()):
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                films[path.name] += pictures_in(path)
            elif path.suffix == ".txt":
                reports[path.stem] = path
    for name in sorted({*reports, *films}):
        yield _Study(name, patient, reports.get(name), tuple(films.get(name, ())))


def _table(place: Path, name: str, counts: Counts) -> dict[str, list[dict[str, str]]]:
    """The rows of one table by the number of their study; empty, and counted, where there is no table."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    path = next(
        (path for end in (".csv", ".csv.gz") if (path := place / f"{TABLES}{name}{end}").is_file()), None
    )
    if path is None:
        counts.note("data.table_absent", f"{TABLES}{name}.csv")
        return found
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as raw:
            reader = csv.DictReader(TextIOWrapper(raw, encoding="utf-8-sig"))
            if "study_id" not in (reader.fieldnames or ()):
                raise DataError("data.missing_column", where=path.name, column="study_id", found="-")
            for row in reader:
                found[row["study_id"] or ""].append({key: value or "" for key, value in row.items() if key})
    except (OSError, EOFError, UnicodeDecodeError, csv.Error):
        raise DataError("data.bad_table", where=path.name, problem="csv") from None
    return found


def _holds_patients(at: Folder) -> bool:
    inner = at.path / "files"
    return "files" in at.folders and any(path.is_dir() for path in inner.glob("p1[0-9]"))
