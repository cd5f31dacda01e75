"""`report.html`: what was measured, beside what is simpler, with the questions it got wrong."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from doctorsun.core.charts import Point
from doctorsun.core.files import write_whole
from doctorsun.core.page import (
    Axis,
    Badge,
    Block,
    Both,
    Card,
    Code,
    Curves,
    Facet,
    Fold,
    Gallery,
    Line,
    Note,
    Page,
    Pairs,
    Prose,
    Section,
    Series,
    Tone,
    Words,
    both,
)
from doctorsun.evals.items import chosen, outcome, read_thumbnails
from doctorsun.evals.metrics import Result
from doctorsun.evals.naming import named, settings_text
from doctorsun.evals.predictions import Prediction
from doctorsun.evals.report_tables import Found, by_condition, by_slice, by_verdict, headline
from doctorsun.evals.settings import CONDITIONS
from doctorsun.evals.summary import Summary, read_summary
from doctorsun.evals.verdicts import Verdict
from doctorsun.language.glossary import YES_NO, glossary

REPORT = "report.html"
_TONES: dict[str, Tone] = {"right": "good", "wrong": "bad", "unreadable": "warn"}
_SLICES = ("modality", "topic", "form", "origin", "phrasing")


def write_report(
    folder: Path, out: Path, rows: Sequence[Prediction], results: Sequence[Result], judged: Sequence[Verdict]
) -> Path:
    """The path of the report of the evaluation in `folder`, written into `out`."""
    summary = read_summary(folder)
    blocks: list[Block] = [Note(both("evals.not_a_device"), "warn")]
    for (task, split), members in groupby(results, key=lambda one: (one.task, one.split)):
        blocks += _task_sections(task, split, Found(list(members)), judged, summary)
    curves = _curves(Path(summary.metrics)) if summary.metrics else []
    if curves:
        blocks.append(Section(both("evals.title_curves"), curves))
    blocks.append(_items(rows, read_thumbnails(folder), summary.pictures))
    blocks.append(_provenance(summary))
    page = Page(both("evals.title", name=summary.name), blocks, foot=both("evals.foot"))
    write_whole(out / REPORT, page.render())
    return out / REPORT


def _task_sections(
    task: str, split: str, found: Found, judged: Sequence[Verdict], summary: Summary
) -> list[Block]:
    own = [one for one in judged if (one.task, one.split) == (task, split)]
    measured = summary.tasks.get(task)
    notes: list[Block] = []
    if split == "official":
        notes.append(Note(both("evals.leaky"), "warn"))
    if measured and measured.ungrouped:
        notes.append(Note(both("evals.optimistic", names=", ".join(measured.ungrouped)), "warn"))
    if measured and measured.unpaired:
        notes.append(Note(both("evals.unpaired", n=measured.unpaired)))
    title = Both(zh=f"{task} · {split}", en=f"{task} · {split}")
    sources = [one for one in own if one.slice.startswith("source=")]
    keys = [one for one in own if one.slice.startswith("question=")]
    blocks: list[Block] = [*notes, headline(found), by_condition(found)]
    sections: list[Block] = [Section(title, blocks, lead=both("evals.lead_numbers"))]
    if sources:
        table = by_verdict(sources, search=False)
        sections.append(Section(_titled("evals.title_sources", task), [table], both("evals.lead_verdict")))
    if keys:
        sections.append(Section(_titled("evals.title_questions", task), [by_verdict(keys, search=True)]))
    folds = [_fold(found, dimension) for dimension in _SLICES if found.slices(dimension)]
    sections.append(Section(_titled("evals.title_slices", task), folds))
    return sections


def _titled(key: str, task: str) -> Both:
    found = both(key)
    return Both(zh=f"{found.zh} · {task}", en=f"{found.en} · {task}")


def _fold(found: Found, dimension: str) -> Fold:
    parts = found.slices(dimension)
    langs = [lang for lang in found.langs() if lang == "all" or len(found.langs()) > 2]
    table = by_slice(found, parts, langs=langs, name=f"column_{dimension}")
    return Fold(both(f"evals.column_{dimension}"), [table], open=dimension in {"modality", "topic"})


def _curves(metrics: Path) -> list[Block]:
    """The loss of every stage; nothing where the run's file is gone."""
    if not metrics.is_file():
        return []
    by_stage: dict[str, list[Point]] = defaultdict(list)
    for line in metrics.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if isinstance(row.get("loss"), int | float) and isinstance(row.get("step"), int | float):
            by_stage.setdefault(str(row.get("stage", "")), []).append(
                (float(row["step"]), float(row["loss"]))
            )
    return [
        Curves(stage or both("evals.training"), [Series(both("evals.loss"), points)], *_axes())
        for stage, points in by_stage.items()
    ]


def _axes() -> tuple[Axis, Axis]:
    return Axis(both("evals.step")), Axis(both("evals.loss"), log=True)


def _items(rows: Sequence[Prediction], thumbnails: Mapping[str, str], limit: int) -> Section:
    """A gallery of questions, the wrong ones first."""
    shown = chosen(rows, limit)
    cards = [_card(row, thumbnails) for row in shown]
    conditions = [one for one in CONDITIONS if any(row.condition == one for row in shown)]
    outcomes = [one for one in ("wrong", "unreadable", "right") if any(outcome(row) == one for row in shown)]
    facets = [
        Facet("outcome", both("evals.column_outcome"), [(one, named("outcome", one)) for one in outcomes]),
        Facet("source", both("evals.column_source"), _values(row.source for row in shown)),
        Facet("lang", both("evals.column_lang"), _values((row.lang for row in shown), "lang")),
        Facet("kind", both("evals.column_kind"), _values((_kind(row) for row in shown), "kind")),
        Facet(
            "condition",
            both("evals.column_condition"),
            [(one, named("condition", one)) for one in conditions],
            start="image" if "image" in conditions else "",
        ),
    ]
    return Section(both("evals.title_items"), [Gallery(cards, facets)], lead=both("evals.lead_items"))


def _card(row: Prediction, thumbnails: Mapping[str, str]) -> Card:
    found = outcome(row)
    tone = _TONES[found]
    lines = [
        Line(both("evals.line_question"), row.question, lang=row.lang),
        Line(both("evals.line_reference"), row.reference, lang=row.lang),
        Line(both("evals.line_reply"), row.reply or both("evals.empty"), tone, lang=row.lang),
    ]
    if row.kind in {"closed", "choice"} and row.extracted is not None:
        lines.append(Line(both("evals.line_read"), in_words(row.extracted)))
    if row.f1 is not None:
        lines.append(Line(both("evals.line_f1"), f"{row.f1:.2f}"))
    pictures = [thumbnails.get(name) for name in row.shown] if row.condition in {"image", "shuffled"} else []
    return Card(
        lines=lines,
        pictures=pictures,
        badges=[Badge(named("outcome", found), tone), Badge(named("condition", row.condition))],
        facets={
            "outcome": found,
            "source": row.source,
            "lang": row.lang,
            "kind": _kind(row),
            "condition": row.condition,
        },
        foot=f"{row.id} · {row.source}",
    )


def in_words(label: str) -> Words:
    """A label as the glossary words it; the letter of an option as it is."""
    if label not in YES_NO and label not in glossary().terms:
        return label
    return Both(zh=glossary().answer(label, "zh"), en=glossary().answer(label, "en"))


def _kind(row: Prediction) -> str:
    return row.form or row.kind or row.genre


def _values(names: Iterable[str], group: str = "") -> list[tuple[str, Words]]:
    return [(name, named(group, name) if group else name) for name in sorted(set(names))]


def _provenance(summary: Summary) -> Section:
    rows: list[tuple[Words, Words]] = [
        (both("evals.line_model"), f"{summary.name} · {summary.model}"),
        (both("evals.line_command"), summary.command or "–"),
        (both("evals.line_protocol"), both("evals.protocol_strict")),
        (both("evals.line_interval"), both("evals.interval", n=summary.resamples, seed=summary.seed)),
    ]
    for name, one in summary.tasks.items():
        text = both("evals.data_line", **{**asdict(one), "sha256": one.sha256[:16]})
        rows.append((name, text))
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions.items())
    rows.append((both("evals.line_versions"), versions or "–"))
    blocks: list[Block] = [Pairs(rows)]
    if summary.settings:
        blocks.append(Fold(both("evals.line_settings"), [Code(settings_text(summary.settings))]))
    if summary.recipe:
        blocks.append(Fold(both("evals.line_recipe"), [Code(summary.recipe)]))
    blocks.append(Prose([both("evals.pictures_local")]))
    return Section(both("evals.title_provenance"), blocks)
