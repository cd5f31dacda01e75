"""IU X-ray (Open-i): chest films of Indiana University with their reports and MeSH terms."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from doctorsun.core.errors import DataError, MissingExtra, RecordError
from doctorsun.core.schema import Card, Fact, Picture, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder, pictures_below, read_picture, read_rows
from doctorsun.data.report_texts import conclusion_text, report_text
from doctorsun.language.coding import is_normal, mesh_facts, normal_facts
from doctorsun.language.sections import Sections

XML, TABLE = "ecgen-radiology", "dataset.csv"
COLUMNS = ("report_id", "image_path", "findings", "impression", "mesh_labels")
NORMAL = "normal"
# Headings that tell of no finding, whatever the report says.
SILENT = ("no indexing", "technical quality of image unsatisfactory")
# What every report speaks of, so that an indexed one without its heading has it not; other headings that may
# stand for it.
ALWAYS_TOLD = {
    "cardiomegaly": ("cardiac shadow", "heart", "heart ventricles"),
    "effusion": ("costophrenic angle", "thickening"),
    "pneumothorax": ("lucency", "pneumoperitoneum"),
}
LARGEST = 2**20
CARD = Card(
    name="iu_xray",
    title="IU X-ray (Open-i)",
    licence="CC-BY-NC-ND-4.0",
    url="https://openi.nlm.nih.gov/faq#collection",
    languages=("en",),
    citation=(
        "Demner-Fushman D, Kohli MD, Rosenman MB, et al. Preparing a collection of radiology examinations "
        "for distribution and retrieval. JAMIA 23(2):304-310, 2016."
    ),
    obtain=(
        f"Download NLMCXR_reports.tgz (folder {XML}) and NLMCXR_png.tgz from openi.nlm.nih.gov and unpack "
        f"them into one folder; {TABLE} (report_id, image_path, findings, impression, mesh_labels) is read "
        "as well."
    ),
    obtain_zh=(
        f"从 openi.nlm.nih.gov 下载 NLMCXR_reports.tgz（解压后为 {XML}）和 NLMCXR_png.tgz，放进同一个文件夹；"
        f"也支持 {TABLE}（report_id, image_path, findings, impression, mesh_labels）。"
    ),
    size="3,955 reports, 7,470 films (about 14 GB as PNG)",
    non_commercial=True,
    notes=(
        "Every report is of another patient. Names and numbers were replaced by XXXX, and so were some plain "
        "words. MeSH terms were given by people and, in part, by machine; only those of people are facts. A "
        "report they call normal has none of what a normal chest film excludes; another indexed one has no "
        "effusion, no pneumothorax and no large heart unless a heading names it or may stand for it."
    ),
)


@dataclass(frozen=True, slots=True)
class _Report:
    name: str
    sections: Sections
    images: tuple[str, ...]
    terms: tuple[str, ...]


def find(root: Path) -> Path | None:
    """The folder that holds `ecgen-radiology`, else the one of the table."""
    xml = first_folder(root, lambda at: XML in at.folders)
    return xml or first_folder(root, lambda at: TABLE in at.files and _is_table(at.path / TABLE))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "iu"
    for at in range(1, 7):
        images = [f"CXR{at}_1_IM-000{at}-{view}001" for view in (3, 4)[: 1 + at % 2]]
        for name in images:
            put_picture(place / "NLMCXR_png" / f"{name}.png")
        words = {
            "COMPARISON": "None.",
            "INDICATION": "Invented cough",
            "FINDINGS": f"Invented finding {at} of the left lung." if at != 4 else "",
            "IMPRESSION": f"Invented conclusion {at}.",
        }
        texts = "".join(
            f'<AbstractText Label="{label}">{text}</AbstractText>' for label, text in words.items()
        )
        term = NORMAL if at % 2 else "Pleural Effusion/left/small"
        shown = "".join(f'<parentImage id="{name}"><caption>Chest</caption></parentImage>' for name in images)
        put_text(
            place / XML / f"{at}.xml",
            f'<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR{at}"/><MedlineCitation><Article>'
            f"<Abstract>{texts}</Abstract></Article></MedlineCitation><MeSH><major>{term}</major></MeSH>{shown}"
            "</eCitation>",
        )


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a report: its films with their report, else its findings with what they amount to."""
    files = pictures_below(place)
    reports = _of_xml(place / XML, counts) if (place / XML).is_dir() else _of_table(place / TABLE)
    for report in reports:
        names = [name for name in report.images if name in files]
        try:
            pictures = tuple(read_picture(files[name], files[name].name) for name in names)
        except RecordError as error:
            counts.drop(error.key, report.name)
            continue
        yield from _records(report, pictures, counts)


def _records(report: _Report, pictures: Sequence[Picture], counts: Counts) -> Iterator[Record]:
    name = report.name
    if any("XXXX" in words for words in (report.sections.findings, report.sections.impression)):
        counts.note("data.masked_words", name)
    if not pictures:
        counts.drop("data.image_absent", name)
        alone = conclusion_text(report.sections, "en", seed=name)
        if alone is not None:
            yield Record(id=f"{name}-text", texts=(alone,), group=name)
        return
    said = report_text(report.sections, "en", key="report")
    if said is None and not report.terms:
        counts.drop("data.nothing_known", name)
        return
    yield Record(
        id=name,
        images=tuple(pictures),
        facts=(
            Fact("modality", value=json.dumps("xray")),
            Fact("region", value=json.dumps("chest")),
            *_stated(report.terms),
        ),
        texts=(said,) if said else (),
        modality="xray",
        anatomy="chest",
        group=name,
    )


def _stated(terms: Sequence[str]) -> tuple[Fact, ...]:
    """The findings that the terms name, and those that they exclude."""
    if is_normal(terms, "mesh"):
        return normal_facts()
    heads = {term.partition("/")[0].strip().lower() for term in terms}
    if not heads or heads & set(SILENT):
        return mesh_facts(terms)
    found = mesh_facts(terms)
    there = {fact.name for fact in found}
    away = (
        Fact(term, status="absent")
        for term, hints in ALWAYS_TOLD.items()
        if term not in there and not heads & set(hints)
    )
    return (*found, *away)


def _of_xml(folder: Path, counts: Counts) -> Iterator[_Report]:
    if find_spec("defusedxml") is None:
        raise MissingExtra("XML", "data")
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    for path in sorted(folder.glob("*.xml"), key=lambda path: (len(path.stem), path.stem)):
        try:
            raw = path.read_bytes()
            tree = fromstring(raw) if len(raw) <= LARGEST else None
        except (OSError, ParseError, DefusedXmlException, ValueError, LookupError):
            tree = None
        if tree is None:
            counts.drop("data.bad_annotation", path.name)
            continue
        words = {
            str(one.get("Label", "")).upper(): " ".join((one.text or "").split())
            for one in tree.iter("AbstractText")
        }
        number = tree.find("uId")
        name = str(number.get("id")) if number is not None and number.get("id") else f"CXR{path.stem}"
        yield _Report(
            name,
            Sections(
                words.get("FINDINGS", ""),
                words.get("IMPRESSION", ""),
                words.get("INDICATION", ""),
                words.get("COMPARISON", ""),
            ),
            tuple(str(one.get("id")) for one in tree.iter("parentImage")),
            tuple(text.strip() for one in tree.iter("major") if (text := one.text or "").strip()),
        )


def _of_table(path: Path) -> Iterator[_Report]:
    of_report: dict[str, _Report] = {}
    for row in read_rows(path, COLUMNS):
        name, image = row["report_id"], Path(row["image_path"]).stem
        first = of_report.get(name)
        images = (*(first.images if first else ()), *((image,) if image else ()))
        terms = tuple(term.strip() for term in re.split(r"[;|]", row["mesh_labels"]) if term.strip())
        of_report[name] = _Report(name, Sections(row["findings"], row["impression"]), images, terms)
    yield from of_report.values()


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.readline(4096).decode("utf-8-sig", errors="replace").strip().split(",")
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    return set(COLUMNS) <= set(head)
