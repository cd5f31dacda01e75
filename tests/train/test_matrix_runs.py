"""Whole runs, as `sun train` makes them, over pre-trained parts of some families."""

from pathlib import Path

import pytest

from doctorsun.model.store import load_model
from doctorsun.train.run import run
from tests.model.members import write_encoder, write_language
from tests.train.joined import answer_here, answer_there
from tests.train.small import align_stage, instruct_stage, recipe, write_dataset


@pytest.mark.parametrize(("eyes", "words"), [("siglip", "gemma3"), ("dinov2_with_registers", "qwen3")])
def test_a_run_over_pre_trained_parts_answers_the_same_in_plain_transformers(tmp_path: Path, eyes, words):
    model = {
        "vision": {"from": str(write_encoder(tmp_path / eyes, eyes))},
        "language": {"from": str(write_language(tmp_path / words, words))},
    }
    data = write_dataset(tmp_path / "data", train=4, validation=1)
    stages = [align_stage(steps=2), instruct_stage(steps=2)]
    run(recipe(data, *stages, model=model), tmp_path / "run")
    assert answer_there(tmp_path / "run" / "model") == answer_here(load_model(tmp_path / "run" / "model"))
