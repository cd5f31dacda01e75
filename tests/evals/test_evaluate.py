"""Evaluation from a data set to results: invented models get exactly what they deserve."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from doctorsun.core.chat import Reply, Request
from doctorsun.core.config import from_overrides
from doctorsun.core.errors import ConfigError, EvalError
from doctorsun.core.schema import Fact, Message, Part
from doctorsun.evals.ask import PREDICTIONS
from doctorsun.evals.metrics import Result
from doctorsun.evals.predictions import read_predictions
from doctorsun.evals.run import evaluate
from doctorsun.evals.score import rescore
from doctorsun.evals.settings import EvalSettings, Provenance
from tests.evals.material import Model, Oracle, brain_samples, sample, write

FAST = EvalSettings(resamples=200, baselines=False, pictures=12)
Found = dict[tuple[str, str, str, str], Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("brain"), test=brain_samples("test", 24))


def run(folder: Path, out: Path, answer: Callable[[Request], str], **changes: object) -> Found:
    settings = FAST.model_copy(update=changes)
    return by_place(evaluate(Model(answer), [folder], out=out, settings=settings))


def by_place(results: Sequence[Result]) -> Found:
    return {(one.lang, one.slice, one.metric, one.condition): one for one in results}


def value(
    found: Found, metric: str, condition: str = "image", *, lang: str = "all", part: str = "all"
) -> float:
    return found[lang, part, metric, condition].value


def test_a_perfect_model_gets_one_everywhere(folder: Path, tmp_path: Path):
    found = run(folder, tmp_path, Oracle(brain_samples("test", 24)))
    right = {
        "closed_accuracy",
        "balanced_accuracy",
        "choice_accuracy",
        "open_f1",
        "open_f1_word",
        "open_exact",
    }
    measured = [one for one in found.values() if one.condition == "image" and one.metric in right]
    assert {one.metric for one in measured} == right
    assert {(one.value, one.low, one.high) for one in measured if one.groups > 1} == {(1.0, 1.0, 1.0)}
    assert value(found, "unreadable") == 0.0
    assert value(found, "image_reliance", "shuffled") > 0.5
    for lang in ("zh", "en"):
        assert value(found, "closed_accuracy", lang=lang) == 1.0


def test_a_model_that_always_says_yes_is_at_chance_when_balanced(tmp_path: Path):
    samples = [
        sample(
            f"{at}", "Is it?", "Yes" if at % 4 else "No", None, group=f"g{at}", origin="human", modality=None
        )
        for at in range(80)
    ]
    place = write(tmp_path / "set", test=samples)
    found = run(place, tmp_path / "out", lambda _: "Yes", conditions=("none",))
    assert value(found, "balanced_accuracy", "none") == 0.5
    assert value(found, "closed_accuracy", "none") == 0.75
    assert value(found, "chance_balanced_accuracy", "none") == 0.5


def test_a_question_with_one_answer_only_is_no_part_of_balanced_accuracy(tmp_path: Path):
    known = [replace(one, id=f"{one.id}x") for one in brain_samples("test", 8) if one.id.endswith("what")]
    always = [
        replace(one, id=f"{one.id}-m", facts=(Fact("modality", value='"mri"'),), topic="modality")
        for one in known
    ]
    always = [
        replace(one, messages=(one.messages[0], Message("assistant", (Part("text", "MRI"),))))
        for one in always
    ]
    place = write(tmp_path / "set", test=[*known, *always])
    found = run(place, tmp_path / "out", lambda _: "MRI", conditions=("image",))
    assert value(found, "closed_accuracy") == 0.5
    assert value(found, "balanced_accuracy") == 0.0
    assert value(found, "chance_balanced_accuracy", "none") == 0.25
    assert found["all", "all", "balanced_accuracy", "image"].n == len(known)
    assert ("all", "topic=modality", "balanced_accuracy", "image") not in found


def test_an_empty_model_gets_nothing_and_is_unreadable(folder: Path, tmp_path: Path):
    found = run(folder, tmp_path, lambda _: "")
    for metric in ("closed_accuracy", "balanced_accuracy", "choice_accuracy", "open_f1", "open_exact"):
        assert value(found, metric) == 0.0
    assert value(found, "unreadable") == 1.0


def test_a_blind_model_relies_on_no_image(folder: Path, tmp_path: Path):
    found = run(folder, tmp_path, lambda request: "No" if "?" in request.messages[-1].text else "是")
    for condition in ("shuffled", "blank", "none"):
        one = found["all", "all", "image_reliance", condition]
        assert (one.value, one.low, one.high) == (0.0, 0.0, 0.0)
    table = json.loads((tmp_path / "questions.json").read_text())
    assert table and not any(row["shown"] for row in table)


def test_every_condition_shows_the_model_what_it_says(folder: Path, tmp_path: Path):
    settings = FAST.model_copy(update={"conditions": ("image", "blank", "noise", "shuffled", "none")})
    model = Model(lambda _: "")
    evaluate(model, [folder], out=tmp_path, settings=settings)
    rows = {(row.id, row.condition): row for row in read_predictions(tmp_path / PREDICTIONS)}
    for (name, condition), row in rows.items():
        own = rows[name, "image"]
        assert row.images == own.shown and row.question == own.question
        if condition == "none":
            assert row.shown == () and "[image]" not in row.prompt
        elif condition != "image":
            assert len(row.shown) == 1 and row.shown != own.shown and row.prompt == own.prompt
    assert all(
        len(one.images) == sum(p.type == "image" for p in one.messages[-1].content) for one in model.asked
    )


def test_the_prompt_does_not_depend_on_the_answer(folder: Path, tmp_path: Path):
    model, other = Model(lambda _: ""), Model(lambda _: "")
    evaluate(model, [folder], out=tmp_path / "a", settings=FAST)
    turned = [
        replace(
            one, messages=(*one.messages[:-1], replace(one.messages[-1], content=one.messages[0].content[1:]))
        )
        for one in brain_samples("test", 24)
    ]
    evaluate(other, [write(tmp_path / "set", test=turned)], out=tmp_path / "b", settings=FAST)
    assert model.asked == other.asked


class Dying(Model):
    """Answers some questions and then is killed."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for reply in super().answer(requests):
            if len(self.asked) > 150:
                raise KeyboardInterrupt
            yield reply


def test_a_killed_run_goes_on_and_ends_the_same(folder: Path, tmp_path: Path):
    oracle = Oracle(brain_samples("test", 24))
    settings = FAST.model_copy(update={"batch": 16})
    whole = evaluate(Model(oracle), [folder], out=tmp_path / "whole", settings=settings)
    with pytest.raises(KeyboardInterrupt):
        evaluate(Dying(oracle), [folder], out=tmp_path / "cut", settings=settings)
    path = tmp_path / "cut" / PREDICTIONS
    kept = path.read_bytes()
    path.write_bytes(kept + b'{"id": "half a li')
    model = Model(oracle)
    resumed = evaluate(model, [folder], out=tmp_path / "cut", settings=settings)
    assert len(model.asked) == len(list(read_predictions(path))) - kept.count(b"\n")
    assert 0 < kept.count(b"\n") < len(list(read_predictions(path)))
    assert resumed == whole
    for name in (PREDICTIONS, "results.json", "questions.json", "report.html"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_replies_of_another_model_are_put_aside_and_not_counted(folder: Path, tmp_path: Path):
    oracle = Oracle(brain_samples("test", 24))
    evaluate(Model(lambda _: ""), [folder], out=tmp_path, settings=FAST, provenance=Provenance(model="old"))
    model = Model(oracle)
    found = by_place(
        evaluate(model, [folder], out=tmp_path, settings=FAST, provenance=Provenance(model="new"))
    )
    assert value(found, "closed_accuracy") == 1.0
    assert len(list(tmp_path.glob("predictions-*.jsonl"))) == 1
    again = Model(oracle)
    evaluate(again, [folder], out=tmp_path, settings=FAST, provenance=Provenance(model="new"))
    assert again.asked == []


def test_scoring_again_needs_neither_model_nor_data(tmp_path: Path):
    place = write(tmp_path / "set", test=brain_samples("test", 8))
    first = evaluate(Model(Oracle(brain_samples("test", 8))), [place], out=tmp_path / "out", settings=FAST)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for path in sorted(place.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert rescore(tmp_path / "out" / PREDICTIONS) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_limit_takes_a_fair_part_and_a_larger_one_only_adds(folder: Path, tmp_path: Path):
    asked = []
    for limit in (24, 48):
        model = Model(lambda _: "")
        evaluate(
            model, [folder], out=tmp_path / str(limit), settings=FAST.model_copy(update={"limit": limit})
        )
        rows = list(read_predictions(tmp_path / str(limit) / PREDICTIONS))
        asked.append({row.id for row in rows})
        assert len(asked[-1]) == limit
        langs = [row.lang for row in rows if row.condition == "image"]
        assert abs(langs.count("zh") - langs.count("en")) <= 2
        assert {row.kind for row in rows} == {"closed", "choice", "open"}
    assert asked[0] < asked[1]
    model = Model(lambda _: "")
    evaluate(model, [folder], out=tmp_path / "24", settings=FAST.model_copy(update={"limit": 48}))
    assert len(model.asked) == 24 * len(FAST.conditions)


def test_a_picture_without_another_of_its_modality_is_not_shuffled(tmp_path: Path):
    samples = brain_samples("test", 8)
    alone = sample("alone", "What is it?", "skin", brain_samples("test", 1, first=99)[0].images[0].bytes)
    place = write(tmp_path / "set", test=[*samples, replace(alone, modality="dermoscopy", kind="open")])
    evaluate(Model(lambda _: ""), [place], out=tmp_path / "out", settings=FAST)
    rows = [row for row in read_predictions(tmp_path / "out" / PREDICTIONS) if row.id == "alone"]
    assert {row.condition for row in rows} == {"image", "blank", "none"}
    summary = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert summary["tasks"]["brain"]["unpaired"] == 1


def test_results_have_the_slices_that_were_asked_for(folder: Path, tmp_path: Path):
    found = run(folder, tmp_path, Oracle(brain_samples("test", 24)))
    parts = {part for _, part, _, _ in found}
    assert {"all", "modality=mri", "source=brain", "origin=human", "topic=diagnosis"} <= parts
    assert {"question=brain/brain_tumor/what", "phrasing=held_out", "source=brain,topic=diagnosis"} <= parts
    assert {"phrasing=held_out,topic=diagnosis", "phrasing=seen,question=brain/brain_tumor/what"} <= parts
    assert {lang for lang, _, _, _ in found} == {"all", "zh", "en"}
    assert not any(part.startswith("question=brain/brain_tumor=") for part in parts), "held out: apart alone"
    tree = json.loads((tmp_path / "results.json").read_text())
    assert {
        "task",
        "split",
        "lang",
        "slice",
        "metric",
        "protocol",
        "condition",
        "n",
        "value",
        "low",
        "high",
    } <= set(tree[0])
    assert all(one["n"] > 0 and one["protocol"] == "strict" for one in tree)
    assert not [one for one in tree if one["metric"] == "report_f1"]


def test_two_data_sets_are_reported_apart_and_need_two_names(folder: Path, tmp_path: Path):
    other = write(tmp_path / "other", name="other", test=brain_samples("test", 8))
    results = evaluate(Model(lambda _: ""), [folder, other], out=tmp_path / "out", settings=FAST)
    assert {one.task for one in results} == {"brain", "other"}
    with pytest.raises(EvalError, match="both named"):
        evaluate(Model(lambda _: ""), [folder, folder], out=tmp_path / "out", settings=FAST)


def test_a_wrong_split_names_the_near_one(folder: Path, tmp_path: Path):
    with pytest.raises(EvalError, match="did you mean: test"):
        run(folder, tmp_path, lambda _: "", split="tests")


def test_a_broken_line_of_predictions_is_named(folder: Path, tmp_path: Path):
    run(folder, tmp_path, lambda _: "")
    path = tmp_path / PREDICTIONS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], '{"id": 1}\n', *lines[3:]]))
    with pytest.raises(EvalError, match=r"predictions\.jsonl:4"):
        rescore(path)
    with pytest.raises(EvalError, match="no such file"):
        rescore(tmp_path / "nothing.jsonl")


def test_without_any_condition_nothing_would_be_asked():
    with pytest.raises(ConfigError, match="conditions"):
        from_overrides(EvalSettings, ["conditions=[]"], where="eval")
