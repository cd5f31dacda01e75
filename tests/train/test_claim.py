"""What a run's folder remembers of its recipe, and what may be another at the next start."""

from pathlib import Path

import pytest
import yaml

from doctorsun.core.errors import ConfigError
from doctorsun.train.run import RECIPE, claim
from tests.train.small import instruct_stage, recipe, text_stage


def test_how_a_run_is_shared_and_watched_may_change(tmp_path: Path):
    claim(tmp_path, recipe(tmp_path, text_stage(), instruct_stage()))
    changed = recipe(
        tmp_path,
        text_stage(save_every=1, workers=2),
        instruct_stage(checkpointing=["language"], show_every=2, show_samples=1),
        parallel={"shard": "hybrid", "copy_ranks": 4},
        report_to=["tensorboard"],
        report_samples=True,
        features={"limit_gb": 1},
    )
    claim(tmp_path, changed)
    with pytest.raises(ConfigError, match=r"stages\.1\.rows=4"):
        claim(tmp_path, recipe(tmp_path, text_stage(), instruct_stage(rows=5)))


def test_a_recipe_from_before_a_key_was_there_is_the_recipe_with_its_default(tmp_path: Path):
    asked = recipe(tmp_path, text_stage())
    tree = asked.model_dump(mode="json")
    for older in (tree, tree["stages"][0]):
        for key in ("parallel", "weights", "seed", "floor"):
            older.pop(key, None)
    (tmp_path / RECIPE).write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError, match="seed=0"):
        claim(tmp_path, asked)  # its seed is 3, the default is 0
    claim(tmp_path, recipe(tmp_path, text_stage(), seed=0))


def test_a_recipe_with_a_key_that_is_gone_names_it(tmp_path: Path):
    asked = recipe(tmp_path, text_stage())
    tree = asked.model_dump(mode="json")
    tree["stages"][0]["colour_of_the_room"] = "green"
    (tmp_path / RECIPE).write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError, match=r"stages\.0\.colour_of_the_room=green"):
        claim(tmp_path, asked)


def test_the_number_of_processes_is_no_part_of_a_recipe(tmp_path: Path):
    claim(tmp_path, recipe(tmp_path, text_stage()))
    words = (tmp_path / RECIPE).read_text().lower()
    assert "world" not in words and "gpus" not in words and "nproc" not in words
