"""A hospital's own folder: pictures and reports, made safe before any other step sees a value of them."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.progress import reporter, track
from doctorsun.core.schema import Card, Picture, Record, Shown, Text
from doctorsun.data.counts import Counts
from doctorsun.data.hospital.desk import Desk, Lists, key_path, open_desk
from doctorsun.data.hospital.joining import Index
from doctorsun.data.hospital.looking import to_look_at
from doctorsun.data.hospital.mapping import Mapping, read_mapping
from doctorsun.data.hospital.miniature import write_hospital
from doctorsun.data.hospital.proof import LICENCE, write_known
from doctorsun.data.hospital.reports import (
    Report,
    clean_report,
    fields_of_row,
    links_of_row,
    merged,
    report_id,
)
from doctorsun.data.hospital.seeing import facts_of, seen, value_of
from doctorsun.data.hospital.tables import check_tables, rows_of
from doctorsun.data.hospital.taking import COSTS, Pass, Study, check_extras, check_folders, take
from doctorsun.data.priors import with_priors
from doctorsun.data.reading import first_folder
from doctorsun.imaging.isolation import Guard
from doctorsun.language.sections import asked
from doctorsun.privacy.review import write_review

MAPPING = "hospital.yaml"
Joined = dict[str, tuple[tuple[Study, ...], list[Report]]]
CARD = Card(
    name="hospital",
    title="A hospital's own studies and reports",
    licence=LICENCE,
    url="docs/hospital.md",
    languages=("zh", "en"),
    citation="The hospital's own data; not published.",
    obtain=(
        "Put pictures (DICOM, PNG, JPEG) and reports (CSV, XLSX, JSON, text) into one folder with a "
        f"{MAPPING} that says which column is what; docs/hospital.md shows one."
    ),
    obtain_zh=(
        f"把影像（DICOM、PNG、JPEG）和报告（CSV、XLSX、JSON、文本）放进同一个文件夹，再放一个 {MAPPING} "
        "说明各列的含义；示例见 docs/hospital.zh.md。"
    ),
    size="as much as the hospital has",
    notes=(
        "De-identified by the room `privacy` before anything else: headers, pixels, texts; dates move by "
        "patient. What is doubtful waits for a person. The licence must be accepted by name."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the mapping."""
    return first_folder(root, lambda at: MAPPING in at.files)


def example(folder: Path) -> None:
    """Write an invented hospital of a few patients."""
    write_hospital(folder / "hospital", studies=6, slices_only=True)


def state(
    place: Path, *, mapping: str = MAPPING, key: str = "", max_pictures: int = 0, prior: bool = False
) -> str:
    """What beside the folder's own files and these options decides what `records` brings: key and approvals.

    Where the values to prove a data set by are gone it is another one each time, so that they are told anew.
    """
    made = key_path(place, key).exists()
    desk = open_desk(place, key)
    if made and not desk.known.exists():
        return secrets.token_hex(8)
    told = [desk.key.pseudonym("key", ""), mapping, str(max_pictures), str(prior), *sorted(desk.ticked())]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def records(
    place: Path,
    counts: Counts,
    *,
    mapping: str = MAPPING,
    key: str = "",
    max_pictures: int = 0,
    prior: bool = False,
) -> Iterator[Record]:
    """One record a study with its reports, all of it clean.

    `mapping` is the YAML in the folder, `key` the file of the secret (beside the folder where it is not told;
    made on first use), `max_pictures` overrides the mapping's number of pictures a study. `prior` adds each
    report once more with the pictures of the patient's study before (of DICOM, by its header's date). What
    was not used is listed beside the key, by pseudonym and row number.
    """
    told = read_mapping(place, mapping)
    check_folders(place, told)
    check_tables(place, told.reports)
    check_extras()
    desk, lists = open_desk(place, key), Lists()
    with Guard(COSTS) as guard:
        done = take(place, told, desk, guard, counts, lists)
        joined = _join(place, told, desk, done, counts, lists)
        used = {study.id for studies, _ in joined.values() for study in studies}
        for study in done.studies.values():
            if study.files and study.id not in used:
                counts.drop("data.image_unmatched", study.id)
                lists.images_unmatched.append(study.id)
        lists.write(desk, sorted(done.unused))
        waiting = sum(one["state"] == "quarantined" for one in lists.files) + len(lists.reports_waiting)
        if told.review and waiting:
            _review(place, told, desk)
        _tell(desk, lists, waiting, len(done.unused))
        look = told.look.model_copy(update={"max_pictures": max_pictures} if max_pictures else {})

        def dated() -> Iterator[tuple[str, Record]]:
            # The studies of a patient one after the other.
            for name in track(sorted(joined, key=lambda name: _order(joined[name])), "data.hospital_reading"):
                studies, reports = joined[name]
                record = _record(studies, reports, guard, look.model_dump(mode="json"), told, counts)
                if record is not None:
                    yield studies[0].when, record

        yield from with_priors(dated()) if prior else (record for _, record in dated())


def _order(one: tuple[tuple[Study, ...], list[Report]]) -> tuple[str, str]:
    first = one[0][0]
    return first.group or "", first.id


def _join(place: Path, told: Mapping, desk: Desk, done: Pass, counts: Counts, lists: Lists) -> Joined:
    """The clean reports by their (first) study; what finds no picture is counted and listed."""
    index = Index(done.studies.values(), told.join)
    ticked = desk.ticked()
    values = merged([done.fields])
    found: Joined = {}
    for number, table in enumerate(told.reports):
        for row in rows_of(place, table, number, counts, lists.rows_bad):
            lists.rows += 1
            for name, texts in fields_of_row(row).items():
                values[name].update(texts)
            done.unused.discard(report_id(row, desk.key))
            studies = index.find(links_of_row(row, desk.key))
            if not studies or not studies[0].files:
                _without(row.place, studies, counts, lists)
                continue
            try:
                report = clean_report(row, studies, desk.key, shift=told.dates == "shifted", ticked=ticked)
            except RecordError:
                report = Report()  # of more words than can be searched
            if report.waits:
                counts.drop("data.report_waits", row.place)
                told_of = {"id": report_id(row, desk.key), "row": row.place, "reason": report.waits}
                lists.reports_waiting.append(told_of)
            elif not report.sections.report(report.lang):
                counts.drop("data.report_empty", row.place)
                lists.reports_empty.append(row.place)
            else:
                lists.joined += 1
                found.setdefault(studies[0].id, (studies, []))[1].append(report)
    write_known(desk, values, not_names=told.not_names)
    return found


def _without(place: str, studies: Sequence[Study] | None, counts: Counts, lists: Lists) -> None:
    """Count and list a report that has no pictures, whose pictures wait, or that fits several studies."""
    if studies is None:
        counts.drop("data.report_ambiguous", place)
        lists.reports_ambiguous.append(place)
    elif studies:
        counts.drop("data.report_images_wait", place)
        lists.reports_images_wait.append(place)
    else:
        counts.drop("data.report_unmatched", place)
        lists.reports_unmatched.append(place)


def _tell(desk: Desk, lists: Lists, waiting: int, unknown: int) -> None:
    """Say what was joined, where the rest is listed, which approvals fit nothing, and what waits."""
    told = {"joined": lists.joined, "rows": lists.rows, "where": desk.listed}
    reporter().note("data.hospital_listed", **told)
    if unknown:
        reporter().note("data.hospital_approved_unknown", number=unknown, approved=desk.approved)
    if waiting:
        reporter().note("data.hospital_look", number=waiting, page=desk.page, approved=desk.approved)


def _review(place: Path, told: Mapping, desk: Desk) -> None:
    """Write the page on which a person looks at what waits."""
    texts, pictures = to_look_at(place, told, desk)
    write_review(desk.page, texts, outside=desk.clean, pictures=pictures)


def _record(
    studies: Sequence[Study],
    reports: Sequence[Report],
    guard: Guard,
    look: dict[str, object],
    told: Mapping,
    counts: Counts,
) -> Record | None:
    first = studies[0]
    for study in studies:
        study.forget_others()
    paths = sorted(str(study.place) for study in studies)
    try:
        found = guard.run(seen, paths, look, where=first.id)
    except RecordError:
        counts.drop("data.unreadable_picture", first.id)
        return None
    facts = facts_of(found["codes"], modality=next((each.modality for each in reports if each.modality), ""))
    pictures = [
        Picture(bytes(raw), f"{first.id}-{number}.png")
        for number, raw in enumerate(found["pictures"], start=1)
    ]
    return Record(
        id=first.id,
        images=tuple(pictures),
        facts=facts,
        texts=tuple(_texts(first.id, reports, told)),
        modality=value_of(facts, "modality"),
        anatomy=value_of(facts, "region"),
        licence=told.licence,
        group=first.group or next((each.person for each in reports if each.person), first.id),
        shown=tuple(Shown(**one) for one in found["shown"]),
    )


def _texts(study: str, reports: Sequence[Report], told: Mapping) -> Iterator[Text]:
    numbers: dict[str, int] = defaultdict(int)
    for report in reports:
        lang, said = report.lang, report.sections
        numbers[lang] += 1
        key = f"report-{numbers[lang]}"
        if "report" in told.texts:
            yield Text(answer=said.report(lang), lang=lang, task="report", kind="report", key=key)
        if "impression" in told.texts and said.impression:
            yield Text(
                question=asked("impression", lang, seed=f"{study}/{key}"),
                answer=said.impression,
                lang=lang,
                task="report",
                kind="report",
                topic="diagnosis",
                key=f"impression-{numbers[lang]}",
            )
