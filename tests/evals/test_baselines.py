"""Baselines learn from training pictures alone, and a verdict needs more than chance."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from doctorsun.core.errors import MissingExtra
from doctorsun.evals.baselines import read_baselines
from doctorsun.evals.learners import Example, head, neighbours
from doctorsun.evals.metrics import Result
from doctorsun.evals.run import evaluate
from doctorsun.evals.settings import EvalSettings
from tests.evals.material import Model, Oracle, brain_samples, write

SETTINGS = EvalSettings(resamples=200, pictures=8, conditions=("image", "shuffled"))


class Encoder:
    """Features that are the picture made small; counts the pictures it is asked for."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: list[bytes]) -> np.ndarray:
        self.seen += len(images)
        return np.stack([np.asarray(Image.open(BytesIO(one)).resize((6, 5))).ravel() / 255 for one in images])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train, test = brain_samples("train", 48, first=100), brain_samples("test", 24)
    return write(tmp_path_factory.mktemp("brain"), train=train, test=test)


def found(results: list[Result], metric: str, part: str = "all", lang: str = "all") -> Result:
    return next(one for one in results if (one.metric, one.slice, one.lang) == (metric, part, lang))


def test_neighbours_and_head_stand_beside_every_closed_question(folder: Path, tmp_path: Path):
    encoder = Encoder()
    oracle = Oracle(brain_samples("test", 24))
    results = evaluate(Model(oracle), [folder], out=tmp_path, settings=SETTINGS, features=encoder)
    for lang in ("zh", "en"):
        for part in (
            "question=brain/brain_tumor/what",
            "phrasing=held_out,question=brain/brain_tumor=glioma/yesno",
        ):
            for name in ("knn", "head"):
                assert found(results, f"{name}_balanced_accuracy", part, lang).value > 0.9
    assert found(results, "above_head_balanced_accuracy").value == pytest.approx(0, abs=0.1)
    assert encoder.seen == 72
    evaluate(Model(oracle), [folder], out=tmp_path, settings=SETTINGS, features=encoder)
    assert encoder.seen == 72


def test_a_verdict_is_shown_only_above_chance_and_above_another_picture(folder: Path, tmp_path: Path):
    oracle = Oracle(brain_samples("test", 24))
    evaluate(Model(oracle), [folder], out=tmp_path / "good", settings=SETTINGS)
    evaluate(Model(lambda _: "glioma"), [folder], out=tmp_path / "bad", settings=SETTINGS)
    key = "question=brain/brain_tumor/what"
    for place, shown in (("good", True), ("bad", False)):
        rows = json.loads((tmp_path / place / "questions.json").read_text())
        own = [row for row in rows if row["slice"] == key]
        assert len(own) == 2 and all(row["shown"] is shown and row["chance"] == 0.25 for row in own)


def test_few_groups_show_nothing(tmp_path: Path):
    samples = [replace(one, group=f"g{int(one.id.split('-')[1]) % 4}") for one in brain_samples("test", 24)]
    evaluate(
        Model(Oracle(samples)),
        [write(tmp_path / "set", test=samples)],
        out=tmp_path / "out",
        settings=SETTINGS,
    )
    assert not any(row["shown"] for row in json.loads((tmp_path / "out" / "questions.json").read_text()))


def test_the_majority_is_that_of_the_training_answers(tmp_path: Path):
    train = [one for one in brain_samples("train", 48, first=100) if one.messages[-1].text != "Glioma"]
    test = [one for one in brain_samples("test", 8) if one.id.endswith("what")]
    place = write(tmp_path / "set", train=train, test=test)
    evaluate(Model(lambda _: ""), [place], out=tmp_path / "out", settings=SETTINGS)
    baseline = read_baselines(tmp_path / "out")["brain"]
    assert baseline.majority["brain/brain_tumor/what"] == "meningioma"
    assert "head" not in baseline.labels and "knn" in baseline.labels


def test_a_set_that_is_only_for_testing_can_be_taught_by_another(folder: Path, tmp_path: Path):
    place = write(tmp_path / "set", name="forced", test=brain_samples("test", 12))
    alone = evaluate(Model(lambda _: ""), [place], out=tmp_path / "a", settings=SETTINGS)
    assert not [one for one in alone if one.metric.startswith("knn")]
    assert found(alone, "majority_accuracy").n > 0
    settings = SETTINGS.model_copy(update={"train": folder})
    taught = evaluate(Model(lambda _: ""), [place], out=tmp_path / "b", settings=settings)
    assert found(taught, "knn_balanced_accuracy").value > 0.9


def test_without_baselines_none_are_left_from_before(folder: Path, tmp_path: Path):
    evaluate(Model(lambda _: ""), [folder], out=tmp_path, settings=SETTINGS)
    settings = SETTINGS.model_copy(update={"baselines": False})
    results = evaluate(Model(lambda _: ""), [folder], out=tmp_path, settings=settings)
    assert not [one for one in results if one.metric.startswith(("knn", "majority"))]


def examples(count: int, classes: int, *, words: bool = False) -> tuple[list[Example], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    made, looks = [], {}
    for at in range(count):
        kind = at % classes
        looks[str(at)] = rng.normal(size=6) + (0 if words else 3 * np.eye(6)[kind])
        said = ("is", "this", "normal" if kind else "broken") if words else ()
        made.append(Example(str(at), "t", f"class{kind}", None, str(at), f"g{at // 2}", said))
    return made, looks


def test_classifiers_need_two_classes_and_ten_examples():
    few, looks = examples(8, 2)
    assert neighbours(few, few, looks) is None and head(few, few, looks, seed=0) is None
    same, looks = examples(20, 1)
    assert neighbours(same, same, looks) is None and head(same, same, looks, seed=0) is None


def test_the_head_learns_and_reads_the_words_of_a_question():
    for words in (False, True):
        known, looks = examples(80, 2 if words else 3, words=words)
        said = head(known[:60], known[60:], looks, seed=0)
        assert said is not None
        assert np.mean([a == b.answer for a, b in zip(said, known[60:], strict=True)]) > 0.8


def test_rare_classes_count_among_neighbours():
    known = [Example(str(at), "t", "common" if at else "rare", None, str(at), "g", ()) for at in range(12)]
    looks = {str(at): np.asarray([float(at)]) for at in range(12)}
    assert neighbours(known, [known[0]], looks) == ["rare"]


def test_without_scikit_learn_the_head_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("doctorsun.evals.learners.find_spec", lambda _: None)
    known, looks = examples(20, 2)
    with pytest.raises(MissingExtra, match=r"doctorsun\[eval\]"):
        head(known, known, looks, seed=0)
