"""The report says what was measured, in both languages, and shows what went wrong first."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from doctorsun.core.chat import Request
from doctorsun.core.words import Both
from doctorsun.evals.items import chosen, outcome
from doctorsun.evals.naming import named, question_name, slice_name
from doctorsun.evals.predictions import read_predictions
from doctorsun.evals.report import in_words
from doctorsun.evals.run import evaluate
from doctorsun.evals.settings import EvalSettings, Provenance
from doctorsun.evals.verdicts import QUESTIONS
from tests.evals.material import Model, Oracle, brain_samples, write

SETTINGS = EvalSettings(resamples=200, baselines=False, pictures=20)
PROVENANCE = {
    "model": "sum-of-weights",
    "command": "sun eval runs/tiny brain",
    "recipe": "name: tiny-recipe\n",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    samples = [replace(one, group=None) for one in brain_samples("test", 24)]
    oracle, rng = Oracle(samples), random.Random(0)

    def answer(request: Request) -> str:
        drawn = rng.random()
        return oracle(request) if drawn < 0.6 else "<b>Yes & no</b>" if drawn < 0.8 else "Glioma"

    metrics = folder / "metrics.jsonl"
    rows = [{"stage": "align", "step": step, "loss": 3 / step} for step in range(1, 40)]
    metrics.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"step": 3, "note": "no loss"}]))
    provenance = Provenance(**PROVENANCE, versions={"numpy": "2.4"}, metrics=metrics)
    place = write(folder / "set", test=samples)
    evaluate(Model(answer), [place], out=folder / "out", settings=SETTINGS, provenance=provenance)
    return folder / "out"


@pytest.fixture(scope="module")
def report(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_report_stands_alone_and_warns_in_both_languages(report: str):
    assert "not a medical device" in report and "不是医疗器械" in report
    assert not re.search(r"(src|href)=\"(?!#|data:)", report)
    assert "<b>Yes" not in report and "&lt;b&gt;Yes &amp; no&lt;/b&gt;" in report


def test_the_report_holds_numbers_as_measured_with_their_n(out: Path, report: str):
    results = json.loads((out / "results.json").read_text())
    for metric, condition in (
        ("closed_accuracy", "image"),
        ("closed_accuracy", "shuffled"),
        ("open_f1", "image"),
    ):
        one = next(
            one
            for one in results
            if (one["metric"], one["condition"], one["lang"], one["slice"])
            == (metric, condition, "zh", "all")
        )
        assert f"{one['value']:.3f}" in report
        assert f"{one['low']:.3f} … {one['high']:.3f}" in report
        assert f"n = {one['n']}" in report


def test_every_question_has_a_verdict_and_the_table_names_it_in_words(out: Path, report: str):
    table = json.loads((out / QUESTIONS).read_text())
    assert {row["lang"] for row in table} == {"zh", "en"}
    assert "脑肿瘤" in report and "brain tumor" in report
    assert report.count(">shown<") + report.count(">not shown<") == len(table)


def test_the_report_says_where_it_comes_from(report: str):
    for words in (*PROVENANCE.values(), "numpy 2.4", "resamples"):
        assert words.strip() in report
    assert "<polyline" in report and "align" in report


def test_sources_without_patients_are_marked_optimistic(report: str):
    assert "Optimistic" in report and "结果偏乐观" in report


def test_wrong_ones_come_first_and_pictures_keep_to_the_limit(out: Path):
    rows = chosen(read_predictions(out / "predictions.jsonl"), 20)
    image = [outcome(row) for row in rows if row.condition == "image"]
    assert image == sorted(image, key=lambda one: one == "right")
    assert {"right", "wrong"} <= set(image)
    assert len({name for row in rows if row.condition in {"image", "shuffled"} for name in row.shown}) <= 20
    assert len(json.loads((out / "thumbnails.json").read_text())) <= 20


def test_a_report_without_pictures_or_curves_is_still_one(tmp_path: Path):
    place = write(tmp_path / "set", test=brain_samples("test", 4))
    settings = SETTINGS.model_copy(update={"pictures": 0, "conditions": ("image",)})
    provenance = Provenance(model="m", metrics=tmp_path / "gone.jsonl")
    evaluate(Model(lambda _: ""), [place], out=tmp_path / "out", settings=settings, provenance=provenance)
    assert "<polyline" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_slices_are_named_by_the_glossary_and_by_both_languages():
    assert question_name("brain/brain_tumor=glioma/yesno") == Both(
        zh="脑肿瘤：胶质瘤 · 是非题 · brain", en="brain tumor: Glioma · yes / no · brain"
    )
    assert slice_name("topic=finding|side|size") == Both(zh="征象、侧别、大小", en="finding, side, size")
    assert slice_name("modality=blood_smear") == Both(zh="血涂片", en="Blood smear")
    assert slice_name("topic!=modality") == Both(zh="除成像方式外", en="without modality")
    assert slice_name("source=busi,topic=count") == Both(zh="busi · 数目", en="busi · count")
    assert named("topic", "something new") == "something new"


def test_what_was_read_of_a_reply_is_in_words_of_both_languages():
    assert in_words("glioma") == Both(zh="胶质瘤", en="Glioma")
    assert in_words("no") == Both(zh="否", en="No")
    assert in_words("B") == "B" and in_words("3") == "3"
