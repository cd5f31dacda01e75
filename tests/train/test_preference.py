"""A preference stage learns to prefer, is killed and goes on, and says what it cannot read."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, TrainError
from doctorsun.core.schema import Message, Part, Sample
from doctorsun.data.dataset import Rows, open_dataset
from doctorsun.model.store import load_model
from doctorsun.train.corpus import Corpus
from doctorsun.train.pairs import Pair, Pairs, pair_rows, pairs_in
from doctorsun.train.recipe import Recipe
from doctorsun.train.run import run
from tests.model.tiny import tiny_parts
from tests.train.nursery import attempts, fingerprint
from tests.train.paired import paired, preference_stage
from tests.train.small import recipe, write_dataset

LONG = preference_stage(steps=16, row_tokens=256, micro_rows=4, warmup=0.1, save_every=50, validate_every=8)


def letters(better: str, count: int, *, split: str) -> list[Sample]:
    """One question asked about many cases: the better answer is always the same letter."""
    worse = "AB".replace(better, "")
    found = []
    for at in range(count):
        asked = Message("user", (Part("text", f"Letter A. or Letter B.? Case {split} {at}."),))
        said = Message("assistant", (Part("text", f"Letter {better}."),))
        sample = Sample(
            f"letters/{split}/{at}", (), (asked, said), "en", "qa", "letters", "MIT", "human", kind="open",
            split=split, rejected=f"Letter {worse}.",
        )  # fmt: skip
        found.append(sample)
    return found


def leads(folder: Path, rows: Rows) -> list[float]:
    """By how many nats the model of a folder finds each better answer likelier than the worse one."""
    parts = load_model(folder)
    pairs = Pairs(Corpus.of_rows(rows).pairs(), parts.encoder, context=256)
    found = []
    for row in range(len(rows)):
        scores = []
        for piece in (pairs[row].chosen, pairs[row].rejected):
            ids = torch.from_numpy(piece.ids).long()[None]
            with torch.no_grad():
                logits = parts.model(input_ids=ids).logits[0, :-1].log_softmax(dim=-1)
            each = logits.gather(1, ids[0, 1:, None])[:, 0]
            scores.append(float(each[torch.from_numpy(piece.learnt)[1:]].sum()))
        found.append(scores[0] - scores[1])
    return found


def metrics(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("mode", "better"), [("lora", "A"), ("full", "B"), ("qlora", "A")])
def test_a_model_comes_to_prefer_the_better_answer(mode, better, tmp_path):
    data = write_dataset(tmp_path / "data", train=16, validation=6, made=partial(letters, better))
    part = {"mode": mode, "lr": 0.01, "rank": 4, "alpha": 8}
    stage = LONG | {"language": part, "projector": {"mode": "frozen"}}
    out = tmp_path / "run"
    run(recipe(data, stage), out)
    held_out = open_dataset(data).rows("validation")
    assert min(leads(out / "model", held_out)) > 2 + max(0, *leads(out / "start", held_out))
    told = metrics(out)
    steps = [line for line in told if "loss" in line]
    assert steps[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # nothing gained yet: the log of 2
    assert steps[0]["reward_margin"] == pytest.approx(0, abs=1e-3)
    assert steps[-1]["reward_accuracy"] == 1
    assert steps[-1]["reward_margin"] > 0.2
    assert steps[-1]["drift_rejected"] < 0
    assert [line["step"] for line in told if "validation_loss" in line] == [8, 16]
    assert told[-1]["validation_reward_accuracy"] == 1
    assert not (out / "cache").exists()


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    data = write_dataset(folder / "data", made=paired)
    both = {"row_tokens": 64, "micro_rows": 1, "steps": 4, "validate_every": 2}
    stages = (
        preference_stage(**both),
        preference_stage(**both, loss="ipo", vision={"mode": "lora", "lr": 0.001, "rank": 2, "alpha": 4}),
    )
    tree = recipe(data, *stages).model_dump(mode="json")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.fixture(scope="module")
def whole(written: Path) -> dict[str, str]:
    """The run that nothing disturbs."""
    assert attempts(written / "recipe.yaml", written / "whole", ["none"]) == ["done"]
    return fingerprint(written / "whole")


def test_kills_in_the_reference_and_in_steps_leave_no_trace(written: Path, whole: dict[str, str]):
    """The second preference stage trains the encoder too, so its features cannot be kept."""
    kills = ["reference.lot#2", "step#3", "reference.lot", "step#4"]
    out = written / "killed"
    assert attempts(written / "recipe.yaml", out, [*kills, "none"]) == ["killed"] * len(kills) + ["done"]
    assert fingerprint(out) == whole


def test_a_damaged_or_lost_reference_is_read_again(written: Path, whole: dict[str, str]):
    out = written / "damaged"
    assert attempts(written / "recipe.yaml", out, ["ckpt.after_rename"]) == ["killed"]
    first, *others = sorted((out / "cache").glob("reference-*/*.json"))
    raw = first.read_text()
    first.write_text(raw.replace(raw[raw.index("-") + 1], "9", 1) + " ")
    assert others
    others[0].unlink()
    assert attempts(written / "recipe.yaml", out, ["none"]) == ["done"]
    assert fingerprint(out) == whole


def test_a_pair_is_never_parted(written: Path):
    corpus = Corpus.of_rows(open_dataset(written / "data").rows("train")).pairs()
    pairs = Pairs(corpus, tiny_parts().encoder, context=256)
    every = [pairs[row] for row in range(len(corpus.entries))]
    for tokens in (8, 40, 200):
        steps = list(pair_rows(every, rows=2, row_tokens=tokens))
        assert sorted(pair.id for step in steps for pair in pairs_in(step)) == sorted(p.id for p in every)
        for step in steps:
            for row in step:
                assert [Pair(*group.pieces) for group in row.groups] == pairs_in([row])


def test_a_data_set_without_pairs_says_where_to_read_on(tmp_path):
    data = write_dataset(tmp_path / "data", train=3, validation=0)
    with pytest.raises(TrainError, match=r"preference.*no preference pair.*docs/preference\.md"):
        run(recipe(data, preference_stage()), tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"augment": {"crop": 0.1}}, "leave out augment"),
        ({"dropout": 0.1}, "leave out augment, dropout"),
        ({"supervise": "all"}, "supervise"),
        ({"loss": "ipo", "label_smoothing": 0.1}, "sigmoid and robust"),
        ({"beta": 0.0}, "beta"),
        ({"loss": "hinge"}, "loss"),
    ],
    ids=["augment", "dropout", "supervise", "smoothing", "beta", "loss"],
)
def test_what_would_change_a_prompt_or_mean_nothing_is_refused(change, said):
    tree = {"name": "p", "data": {}, "stages": [preference_stage(**change)]}
    with pytest.raises(ConfigError, match=said):
        validate(Recipe, tree, where="p")


def test_a_rejected_answer_longer_than_the_context_is_named(written: Path):
    corpus = Corpus.of_rows(open_dataset(written / "data").rows("train")).pairs()
    long = replace(corpus.entries[0], rejected="red " * 400)
    pairs = Pairs(Corpus([long], corpus.metas[:1]), tiny_parts().encoder, context=256)
    with pytest.raises(TrainError, match=r"squares/train/0/0: \d+ tokens, of them 1 pictures of 16"):
        pairs[0]


def test_the_recipe_of_the_page_is_one():
    page = (Path(__file__).parents[2] / "docs" / "preference.md").read_text("utf-8")
    recipe_of_page = page.partition("```yaml\n")[2].partition("```")[0]
    (stage,) = validate(Recipe, yaml.safe_load(recipe_of_page), where="docs/preference.md").stages
    assert (stage.kind, stage.loss, stage.beta) == ("preference", "sigmoid", 0.1)
